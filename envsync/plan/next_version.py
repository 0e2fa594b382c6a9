"""Increments a version, or proposes a next version if the version cannot be incremented."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import count
from typing import Final

from envsync.model.naming import is_valid_version

# Matches versions such as `7` and `1.2.7`, whose last number can be increased. `1.2-rc` and
# `2024-05-01` do not match, because they have no obvious next version.
_COUNTED: Final = re.compile(r"((?:[0-9]+\.)*)([0-9]+)")

# Matches a date such as `2024-05-01`. After the date, there can be a time, or a dot and a counter.
_DATE: Final = re.compile(
    r"([0-9]{4}[-_][0-9]{1,2}[-_][0-9]{1,2}(?:[-_T][0-9]+)*)(?:\.([0-9]+))?(.*)"
)
# Matches versions that begin with a number, such as `1.2.0-pytorch` and `v3-cpu`. The next versions
# are `1.2.1-pytorch` and `v4-cpu`. Later numbers often have another meaning: `310` in `1.2.0-py310`
# is the Python version.
_LEADING: Final = re.compile(r"(v?(?:[0-9]+\.)*)([0-9]+)(?![0-9])(.*)", re.IGNORECASE)
# Matches a pre-release such as `1.0.0-rc.1`, whose last number is increased.
_PRERELEASE: Final = re.compile(r"(.*[-.](?:a|alpha|b|beta|c|dev|pre|preview|rc)[-.]?)([0-9]+)()")


def next_version(version: str, taken: Collection[str]) -> str | None:
    """Increases the last number of a version like `7` or `1.2.3`, until the version is not taken.

    Returns None for other versions, because they have no obvious next version.
    """
    counted = _COUNTED.fullmatch(version)
    if counted is None:
        return None
    start, last = counted.groups()
    return _first_free(_increased(start, last, ""), taken)


def proposed_version(version: str, taken: Collection[str]) -> str:
    """Returns a free version to propose as the next version. Accepts every valid version."""
    date = _DATE.fullmatch(version)
    number = _COUNTED.fullmatch(version) or _PRERELEASE.fullmatch(version)
    number = number or _LEADING.fullmatch(version)
    if date is not None:
        start, counter, rest = date.groups()
        proposals = _increased(f"{start}.", counter or "0", rest)
    elif number is not None:
        start, last, *rest = number.groups()
        proposals = _increased(start, last, "".join(rest))
    else:
        proposals = _increased(f"{version}.", "0", "")
    # The first proposal can be too long for a version, and the declared version can be invalid. So
    # simpler proposals follow.
    shorter = _increased(f"{version[:200]}.", "0", "")
    candidates = (
        _first_free(each, taken) for each in (proposals, shorter, _increased("", "0", ""))
    )
    return next(version for version in candidates if version is not None)


def _increased(start: str, number: str, end: str) -> Iterator[str]:
    """Yields versions with increasing numbers. Leading zeros are kept: `008` follows `007`."""
    width = len(number)
    return (f"{start}{each:0{width}}{end}" for each in count(int(number) + 1))


def _first_free(versions: Iterator[str], taken: Collection[str]) -> str | None:
    """Returns the first version that is not taken, or None if that version is not valid."""
    found = next(version for version in versions if version not in taken)
    return found if is_valid_version(found) else None
