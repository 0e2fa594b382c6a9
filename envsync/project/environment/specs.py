"""Detects conda and pip specifications that conda or pip cannot read as the author intended.

Examples are specifications that name local files, and strings that contain several specifications.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from envsync.project.environment.pip_options import INDEXES, file_options, split_options

Fault: TypeAlias = Literal["local", "list", "several", "address"]
"""The kind of mistake in a specification.

- `local`: the specification names a local file, directory or channel.
- `list`: YAML reads the items of a list below the specification as a part of its string.
- `several`: the specification names several packages.
- `address`: the specification contains the address of a repository in a form that `git clone`
  accepts, but pip does not.
"""

# Matches nearly every specification: an optional channel, the name, optional extras, and optional
# versions. A specification that matches has no fault, so the slower checks are skipped.
_PLAIN: Final = re.compile(
    r"(?:(?!local::)[A-Za-z0-9_][A-Za-z0-9_.\-]*::)?[A-Za-z0-9_][A-Za-z0-9_.\-]*"
    r"(?:\[[A-Za-z0-9_.,\-]+\])?"
    r"(?: ?[=<>!~]=?=? ?[A-Za-z0-9_.+!*]+(?:, ?[=<>!~]=? ?[A-Za-z0-9_.+!*]+)*|=[\w.*+!]+=[\w.*]+)?"
)
# The file name endings of the archives that pip, conda or setuptools can install.
_ARCHIVES: Final = (
    ".whl",
    ".zip",
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tar.lz",
    ".tlz",
    ".tar.lzma",
    ".conda",
    ".egg",
)
_FILES: Final = (*_ARCHIVES, ".txt", ".toml", "setup.py", "setup.cfg")
_COMMENT: Final = r"(?s)(?:^|\s)#.*"
# The scheme of a URL must have at least two letters, because `C:/` is a Windows drive.
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.\-]+://"
_FILE_URL: Final = r"(?i)(?:[a-z]+\+)?file:"
_LOCAL_START: Final = r"\.{1,2}(?:$|[/\\\[])|[/\\~]|[A-Za-z]:[/\\]"
_MARKER: Final = r"\s;|;\s"
# Matches `user@host:path` and `git+user@host:path`. Without `git+`, the host must contain a dot.
_GIT_CLONE: Final = r"(?:git\+)?(?P<place>[\w.\-]+@(?P<host>[\w.\-]+)):(?!//)/*(?P<path>[^\s;]+)"
# Possessive quantifiers (`++`) prevent quadratic time for a string with thousands of blanks.
_DIRECT: Final = r"(?s)[A-Za-z0-9._\-]++\s*+(?:\[[^\]]*\])?+\s*+@\s*(?P<address>.+)"
_BRACKET_PATH: Final = r"\b(?:channel|url)\s*=\s*['\"]?(?P<path>[^'\",\]]+)"
# Matches the start of a second specification: a name that is followed by an operator.
_NAME_AND_OPERATOR: Final = r"[A-Za-z_][A-Za-z0-9._\-]*(?:\[[^\]]*\])?[=<>!~]"
# Matches a word that is not a version. A word that starts with `dev` or `rel` does not match,
# because some packages have versions such as `dev` and `release_1`.
_NO_VERSION: Final = r"(?i)(?!dev|rel)[A-Za-z]{3}"
# Matches a word that is not a build string. Nearly every build string contains a digit, `_` or `*`.
_NO_BUILD: Final = r"[A-Za-z][A-Za-z.\-]{2,}"


def is_local_channel(channel: str) -> bool:
    """Returns True if a conda channel is a directory, not a name or a URL of a server."""
    # Compiling the patterns is slow, and most channels are plain names, which need no pattern.
    if set(channel).isdisjoint("./\\~:"):
        return False
    return bool(re.match(_LOCAL_START, channel) or re.match(_FILE_URL, channel))


def conda_fault(item: str) -> Fault | None:
    """Returns the kind of mistake in a conda dependency, or None."""
    if _is_plain(item):
        return None
    text = _without_comment(item)
    return "local" if _is_local_conda(text) else _several_in_conda(text)


def pip_fault(item: str) -> Fault | None:
    """Returns the kind of mistake in a pip requirement, or None.

    URLs of servers and of repositories, such as `git+https://…`, are not local.
    """
    if _is_plain(item):
        return None
    text = _without_comment(item)
    if clone_url(text):
        return "address"
    return "local" if _is_local_pip(text) else _several_in_pip(text)


def without_options(item: str) -> str:
    """Removes the options after the requirement in a line of a requirements file."""
    return split_options(_without_comment(item))[0] or item


def clone_url(item: str) -> str | None:
    """Converts an address such as `git@github.com:a/b.git` to a URL for pip.

    Returns None for any other text.
    """
    requirement, options = split_options(_without_comment(item))
    for address in (requirement, *(value for _, value in file_options(options))):
        direct = re.fullmatch(_DIRECT, address)
        for text in (address, direct["address"] if direct else ""):
            found = re.match(_GIT_CLONE, text)
            if found and (text.startswith("git+") or "." in found["host"]):
                return f"git+ssh://{found['place']}/{found['path']}"
    return None


def _without_comment(item: str) -> str:
    return (re.sub(_COMMENT, "", item) if "#" in item else item).strip()


def _is_plain(item: str) -> bool:
    return _PLAIN.fullmatch(item) is not None and not _is_file(item)


def _is_file(text: str) -> bool:
    """Returns True if a specification without its extras ends like the name of a local file."""
    return "." in text and text.partition("[")[0].lower().endswith(_FILES)


def _is_local_conda(text: str) -> bool:
    if text.startswith("-"):
        return _is_local_pip(text)
    if re.match(_LOCAL_START, text) or re.match(_FILE_URL, text):
        return True
    channel, separator, _ = text.partition("::")
    # The channel `local` is the directory to which `conda build` writes packages.
    if separator and (channel.strip() == "local" or is_local_channel(channel.strip())):
        return True
    for part in _brackets(text)[1]:
        if any(is_local_channel(found["path"]) for found in re.finditer(_BRACKET_PATH, part)):
            return True
    return not re.match(_SCHEME, text) and not separator and text.endswith(_FILES)


def _is_local_pip(text: str) -> bool:
    requirement, options = split_options(text)
    return _is_local_requirement(requirement) or any(
        _is_local_value(option, value) for option, value in file_options(options)
    )


def _is_local_value(option: str, value: str) -> bool:
    # pip replaces `${NAME}` with an environment variable of the image. In an index option, the
    # value of this variable is nearly always a URL.
    if option in INDEXES and value.startswith("${"):
        return False
    direct = re.fullmatch(_DIRECT, value)
    return not _is_remote(direct["address"] if direct else value)


def _is_local_requirement(text: str) -> bool:
    if re.match(_SCHEME, text):
        return not _is_remote(text)
    direct = re.fullmatch(_DIRECT, text)
    if direct:
        address = re.split(_MARKER, direct["address"], maxsplit=1)[0].strip()
        return bool(re.match(_LOCAL_START, address) or re.match(_FILE_URL, address)) or (
            not re.match(_SCHEME, address) and address.lower().endswith(_ARCHIVES)
        )
    head = text.partition(";")[0].strip()
    path = head.partition("[")[0]
    return (
        bool(re.match(_LOCAL_START, head) or re.match(_FILE_URL, head))
        or _is_file(path)
        or "/" in path
        or "\\" in path
    )


def _brackets(text: str) -> tuple[str, list[str]]:
    """Returns the text without its `[…]` parts, and the parts themselves."""
    # A regular expression would search for `]` after each `[`, which takes quadratic time.
    outside: list[str] = []
    inside: list[str] = []
    end = 0
    while (start := text.find("[", end)) >= 0 and (close := text.find("]", start)) >= 0:
        outside.append(text[end:start])
        inside.append(text[start : close + 1])
        end = close + 1
    return "".join([*outside, text[end:]]), inside


def _several_in_conda(text: str) -> Fault | None:
    """Returns the kind of mistake if a conda dependency names several packages, otherwise None.

    A conda dependency is `name`, `name version` or `name version build`. White space around
    operators is allowed.
    """
    text = _brackets(text)[0]
    if text.startswith("-") or re.match(_SCHEME, text):
        return None
    first, *others = _words(text)
    if "-" in others:
        return "list"
    operators = (re.match(_NAME_AND_OPERATOR, word) for word in others)
    if _lists_names(text) or len(others) > 2 or any(operators):
        return "several"
    if not others:
        return None
    if re.search(r"[=<>!~]", first + others[0][0]) is None:
        return "several" if re.match(_NO_VERSION, others[0]) else None
    # Conda reads a word after a version as a build string.
    return "several" if re.fullmatch(_NO_BUILD, others[-1]) else None


def _several_in_pip(text: str) -> Fault | None:
    """Returns the kind of mistake if a pip requirement names several packages, otherwise None."""
    requirement, _ = split_options(text)
    if not requirement or "://" in requirement or re.fullmatch(_DIRECT, requirement):
        return None
    head = _brackets(requirement.partition(";")[0])[0]
    _, *others = _words(head)
    if "-" in others:
        return "list"
    is_several = _lists_names(head) or any(word[0].isalpha() for word in others)
    return "several" if is_several else None


def _words(text: str) -> list[str]:
    """Splits a specification at white space, except around operators, `,` and `|`."""
    text = " ".join(text.split())
    # `str.replace` is much faster than a pattern for a long line of commas.
    for mark in ",|":
        text = text.replace(f" {mark}", mark).replace(f"{mark} ", mark)
    for mark in "=<>!~":
        text = text.replace(f"{mark} ", mark)
    return text.split() or [""]


def _lists_names(text: str) -> bool:
    """Returns True for names that are separated by commas, such as `numpy, pandas`."""
    return any(re.match(_NO_VERSION, part.strip()) for part in text.split(",")[1:])


def _is_remote(address: str) -> bool:
    return bool(re.match(_SCHEME, address)) and not re.match(_FILE_URL, address)
