"""Finds out if an image or a dependency has a version, and which package a dependency names."""

from __future__ import annotations

import re
from typing import Final

from envsync.model.content_version import fixed_tag

# Matches the optional channel, the name and the rest of a conda match specification:
# https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html
_CONDA_NAME: Final = re.compile(r"(?:[^\s=<>!~\[]*::)?\s*([A-Za-z0-9_.\-]+)\s*(.*)", re.DOTALL)
# Matches the name, the optional extras and the rest of a requirement (PEP 508).
_PIP_NAME: Final = r"(?s)[A-Za-z0-9._\-]+\s*(?:\[[^\]]*\])?\s*(.*)"
# At most nine digits, because `int` raises ValueError for a number with thousands of digits.
_PYTHON_VERSION: Final = re.compile(r"(?:={1,3}|~=)?\s*v?(\d{1,9})(?:\.(\d{1,9}))?(?![\d*])")
# Matches the common forms `name=1.2` and `name==1.2`, so that the slower checks are skipped.
_PLAINLY_PINNED: Final = re.compile(r"[A-Za-z0-9._\-]+==?\d[A-Za-z0-9.+!]*")
_VCS: Final = r"(?:git|hg|svn|bzr)\+"
_FILE_NAMES: Final = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".conda")


def conda_parts(item: str) -> tuple[str, str]:
    """Returns the name of the package in a conda dependency, and the text after the name.

    Both are empty if the dependency has no name.
    """
    match = _CONDA_NAME.fullmatch(item.partition("#")[0].strip())
    return (match.group(1), match.group(2)) if match else ("", "")


def leaves_conda_open(name: str, rest: str) -> bool:
    """Returns True if a conda dependency has a package name but no version.

    Args:
        name: the name of the package, from `conda_parts`.
        rest: the text after the name, from `conda_parts`.
    """
    if not name or (rest or name).endswith(_FILE_NAMES):
        return False
    if rest.startswith("["):
        return "version" not in rest
    return rest.strip("=* ") == ""


def leaves_pip_open(item: str) -> bool:
    """Returns True if a pip requirement has a package name or a repository, but no version.

    Returns False for options, local files and URLs of archives, because envsync cannot find out
    their version.
    """
    if _PLAINLY_PINNED.fullmatch(item):
        return False
    text = re.split(r"\s#", item, maxsplit=1)[0].strip()
    option = re.match(r"(?:-e|--editable)[\s=]+", text)
    if option:
        text = text[option.end() :]
    name, at, address = text.partition(" @ ")
    if re.match(_VCS, address if at else name):
        # `git+https://user@host/path@revision`: only an `@` after the host marks a revision.
        repository = (address if at else name).partition("://")[2].partition("#")[0]
        return "@" not in repository.partition("/")[2]
    if at or option or "://" in text or text.startswith(("-", ".", "/")):
        return False
    if text.endswith(_FILE_NAMES):
        return False
    match = re.fullmatch(_PIP_NAME, text.partition(";")[0])
    return match is not None and match.group(1).strip() == ""


def pinned_python(item: str) -> tuple[str, str | None] | None:
    """Returns the major and the minor version of Python that a conda dependency pins.

    Returns:
        The minor version is None if the dependency allows every minor version. The result is None
        if the dependency is not Python, or pins no version.
    """
    if "python" not in item.lower():
        return None
    match = _CONDA_NAME.fullmatch(item.partition("#")[0].strip())
    if match is None or match.group(1).lower() != "python" or "," in item or "|" in item:
        return None
    version = _PYTHON_VERSION.match(match.group(2))
    return (version.group(1), version.group(2)) if version else None


def is_pinned(image: str) -> bool:
    """Returns True if an image has a digest, or a tag other than `latest`.

    An image is `[host[:port]/]path[:tag][@digest]`. A colon before the last `/` marks a port.
    """
    return "@" in image or fixed_tag(image) is not None
