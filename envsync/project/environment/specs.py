"""Detects conda and pip specifications that conda or pip cannot read as the author intended.

These are specifications that name local files, and strings that contain several specifications.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Fault: TypeAlias = Literal["local", "list", "several"]
"""The kind of mistake in a specification.

- `local`: the specification names a local file, directory or channel.
- `list`: YAML reads the items of a list below the specification as a part of its string.
- `several`: the specification names several packages.
"""

# Matches nearly every specification: an optional channel, the name, optional extras, and optional
# versions. A specification that matches has no fault, so the slower checks are skipped.
_PLAIN: Final = re.compile(
    r"(?:(?!local::)[A-Za-z0-9_][A-Za-z0-9_.\-]*::)?[A-Za-z0-9_][A-Za-z0-9_.\-]*"
    r"(?:\[[A-Za-z0-9_.,\-]+\])?"
    r"(?: ?[=<>!~]=?=? ?[A-Za-z0-9_.+!*]+(?:, ?[=<>!~]=? ?[A-Za-z0-9_.+!*]+)*|=[\w.*+!]+=[\w.*]+)?"
)
_ARCHIVES: Final = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".conda", ".egg")
_FILES: Final = (*_ARCHIVES, ".txt", ".toml", "setup.py", "setup.cfg")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*", re.DOTALL)
# The scheme of a URL has at least two letters, because `C:/` is a drive of Windows.
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_FILE_URL: Final = re.compile(r"(?:[a-z]+\+)?file:", re.IGNORECASE)
_LOCAL_START: Final = re.compile(r"\.{1,2}(?:$|[/\\\[])|[/\\~]|[A-Za-z]:[/\\]")
_PIP_OPTION: Final = re.compile(
    r"(?:--(?:requirement|constraint|editable|find-links|index-url|extra-index-url)(?:\s+|=)"
    r"|-[rcefi][\s=]*)(?P<value>.+)",
    re.DOTALL,
)
_DIRECT: Final = re.compile(r"[A-Za-z0-9._\-]+\s*(?:\[[^\]]*\])?\s*@\s*(?P<address>.+)", re.DOTALL)
_IN_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
_BRACKET_PATH: Final = re.compile(r"\b(?:channel|url)\s*=\s*['\"]?(?P<path>[^'\",\]]+)")
# Finds the start of a second specification: a name that is followed by an operator.
_NAME_AND_OPERATOR: Final = re.compile(r"[A-Za-z_][A-Za-z0-9._\-]*(?:\[[^\]]*\])?[=<>!~]")
# Finds a word in the place of a version. The word is no version, unless it starts with `dev` or
# `rel`, because some packages have versions such as `dev` and `release_1`.
_NO_VERSION: Final = re.compile(r"(?!dev|rel)[A-Za-z]{3}", re.IGNORECASE)
# Finds a word in the place of a build string. The word is no build string, because nearly every
# build string contains a digit, `_` or `*`.
_NO_BUILD: Final = re.compile(r"[A-Za-z][A-Za-z.\-]{2,}")


def is_local_channel(channel: str) -> bool:
    """Returns True if a conda channel is a directory, not a name or a URL of a server."""
    return bool(_LOCAL_START.match(channel) or _FILE_URL.match(channel))


# Many environments of a project have the same dependencies, hence the caches.
@lru_cache(maxsize=4096)
def conda_fault(item: str) -> Fault | None:
    """Returns what is wrong with a conda dependency, or None."""
    if _is_plain(item):
        return None
    text = _COMMENT.sub("", item).strip()
    return "local" if _is_local_conda(text) else _several_in_conda(text)


@lru_cache(maxsize=4096)
def pip_fault(item: str) -> Fault | None:
    """Returns what is wrong with a pip requirement, or None.

    URLs of servers and of repositories, such as `git+https://…`, are not local.
    """
    if _is_plain(item):
        return None
    text = _COMMENT.sub("", item).strip()
    return "local" if _is_local_pip(text) else _several_in_pip(text)


def _is_plain(item: str) -> bool:
    return _PLAIN.fullmatch(item) is not None and not item.endswith(_FILES)


def _is_local_conda(text: str) -> bool:
    if text.startswith("-"):
        return _is_local_pip(text)
    channel, separator, _ = text.partition("::")
    # `local` is the directory to which `conda build` writes packages.
    if separator and (channel.strip() == "local" or is_local_channel(channel.strip())):
        return True
    for part in _IN_BRACKETS.findall(text):
        if any(is_local_channel(found["path"]) for found in _BRACKET_PATH.finditer(part)):
            return True
    if _LOCAL_START.match(text) or _FILE_URL.match(text):
        return True
    return not _SCHEME.match(text) and not separator and text.endswith(_FILES)


def _is_local_pip(text: str) -> bool:
    option = _PIP_OPTION.match(text)
    if option:
        value = option["value"].strip().strip("'\"")
        direct = _DIRECT.fullmatch(value)
        return not _is_remote(direct["address"] if direct else value)
    if text.startswith("-"):
        return False
    if _SCHEME.match(text):
        return not _is_remote(text)
    direct = _DIRECT.fullmatch(text)
    if direct:
        address = direct["address"]
        return bool(_LOCAL_START.match(address) or _FILE_URL.match(address)) or (
            not _SCHEME.match(address) and address.endswith(_ARCHIVES)
        )
    # Only a marker or an option, such as `--hash`, may follow the requirement.
    head = re.split(r";|\s--", text, maxsplit=1)[0].strip()
    path = re.sub(r"\[[^\]]*\]$", "", head)
    return (
        bool(_LOCAL_START.match(head) or _FILE_URL.match(head))
        or path.endswith(_FILES)
        or "/" in path
        or "\\" in path
    )


def _several_in_conda(text: str) -> Fault | None:
    """Returns how a conda dependency names several packages, or None if it names one package.

    A conda dependency is `name`, `name version` or `name version build`. White space may surround
    operators.
    """
    text = _IN_BRACKETS.sub("", text)
    if text.startswith("-") or _SCHEME.match(text):
        return None
    first, *others = _words(text)
    if "-" in others:
        return "list"
    if _lists_names(text) or len(others) > 2 or any(map(_NAME_AND_OPERATOR.match, others)):
        return "several"
    if not others:
        return None
    if re.search(r"[=<>!~]", first + others[0][0]) is None:
        return "several" if _NO_VERSION.match(others[0]) else None
    # Conda reads a word after a version as a build string.
    return "several" if _NO_BUILD.fullmatch(others[-1]) else None


def _several_in_pip(text: str) -> Fault | None:
    """Returns how a pip requirement names several packages, or None if it names one package."""
    if text.startswith("-") or "://" in text or _DIRECT.fullmatch(text):
        return None
    head = _IN_BRACKETS.sub("", re.split(r";|\s--", text, maxsplit=1)[0])
    _, *others = _words(head)
    if "-" in others:
        return "list"
    is_several = _lists_names(head) or any(word[0].isalpha() for word in others)
    return "several" if is_several else None


def _words(text: str) -> list[str]:
    """Splits a specification at white space, except around operators, `,` and `|`."""
    text = re.sub(r"\s*([,|])\s*", r"\1", text)
    return re.sub(r"([=<>!~])\s+", r"\1", text).split() or [""]


def _lists_names(text: str) -> bool:
    """Returns True for names that are separated by commas, such as `numpy, pandas`."""
    return any(_NO_VERSION.match(part.strip()) for part in text.split(",")[1:])


def _is_remote(address: str) -> bool:
    return bool(_SCHEME.match(address)) and not _FILE_URL.match(address)
