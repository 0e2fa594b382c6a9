"""What names and versions may be, and the order of versions."""

from __future__ import annotations

import re
from typing import Final

NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._\-]{0,254}")
"""Names and versions that the service takes. No rule for versions is published."""

RESERVED_NAMES = ("azureml", "microsoft")
"""Prefixes of names that the service keeps for itself, in any case of letters (documented)."""


_DIGITS = re.compile(r"(\d+)")


def natural_order(version: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """A sort key that puts `9` before `10`, and `1.9` before `1.10`."""
    parts = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in _DIGITS.split(version)
        if part
    )
    return parts, version


def is_reserved(name: str) -> bool:
    """Whether a name is one that the service keeps for itself."""
    return name.lower().startswith(RESERVED_NAMES)
