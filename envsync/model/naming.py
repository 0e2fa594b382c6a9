"""The service's rules for names and versions, and the order of versions.

This module defines the reserved prefixes of environment names. The reserved prefix of tags is
`provenance.RESERVED_TAG_PREFIX`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

# The service publishes no pattern for versions. Its pattern for names (OpenAPI,
# EnvironmentContainers_CreateOrUpdate) does not allow dots, but Microsoft's own environments have
# dots in their names (`sklearn-1.5`). So this pattern allows dots in names and in versions.
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._\-]{0,254}")

# The prefixes are documented in the section "Create an environment" of
# https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2
_RESERVED_PREFIXES: Final = ("azureml", "microsoft")

_DIGITS: Final = re.compile(r"(\d+)")


def is_valid_name(name: str) -> bool:
    """Returns True if the service accepts this string as the name of an environment."""
    return _NAME.fullmatch(name) is not None


def is_valid_version(version: str) -> bool:
    """Returns True if the service accepts this string as a version.

    `latest` is a label, not a version.
    """
    return is_valid_name(version) and version != "latest"


def is_reserved(name: str) -> bool:
    """Returns True if an environment name has a prefix that the service reserves for itself.

    The comparison ignores case, as in the service.
    """
    return name.lower().startswith(_RESERVED_PREFIXES)


def is_number(version: str) -> bool:
    """Returns True if a version is a whole number in ASCII digits."""
    # isascii() excludes digits of other scripts, such as "٣".
    return version.isascii() and version.isdecimal()


def highest_number(versions: Iterable[str]) -> int:
    """Returns the highest whole number among the versions, or 0 if no version is a number."""
    return max((int(version) for version in versions if is_number(version)), default=0)


@lru_cache(1024)  # most environments have the same few versions
def natural_order(version: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Returns a sort key that puts `9` before `10`, and `1.9` before `1.10`."""
    # Python cannot compare an int with a str. The leading 0 or 1 keeps numbers before words, so
    # the comparison never reaches two parts of different types.
    # A list comprehension is faster than a generator, and a plan can have thousands of fields.
    parts = [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in _DIGITS.split(version)
        if part
    ]
    # `01` and `1` have equal parts. The string `version` in the key gives such versions a fixed
    # order.
    return tuple(parts), version
