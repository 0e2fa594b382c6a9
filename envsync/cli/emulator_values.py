"""Parses names, times and faults in the options of `envsync emulator`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from envsync.emulator.settings import FAULT_KINDS, FaultKind
from envsync.model.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MILLISECONDS = re.compile(r"(\d+)(?:ms)?")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")

# Maps each string to itself, so that the result of a lookup has the type FaultKind.
_KINDS: Mapping[str, FaultKind] = {kind: kind for kind in FAULT_KINDS}


def names(text: str) -> tuple[str, ...]:
    """Splits names at commas. Names that differ only in case are the same name, as in Azure.

    Raises:
        UsageError: a name contains characters that workspaces and registries cannot have.
    """
    found: dict[str, str] = {}
    for name in filter(None, text.split(",")):
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is not a name of a workspace or registry. "
                "Use letters, digits, hyphens and underscores."
            )
        found.setdefault(name.lower(), name)
    return tuple(found.values())


def milliseconds(text: str) -> int:
    """Parses a number of milliseconds, with or without the unit `ms`.

    Raises:
        UsageError: the text is not a whole number of milliseconds.
    """
    if found := _MILLISECONDS.fullmatch(text):
        return int(found[1])
    raise UsageError(f"--latency {text}: expected milliseconds, such as 50 or 50ms.")


def seconds(option: str, text: str) -> float:
    """Parses a number of seconds, with or without the unit `s`.

    Args:
        option: the name of the option, for the error message.
        text: the value of the option.

    Raises:
        UsageError: the text is not a number of seconds.
    """
    if found := _SECONDS.fullmatch(text):
        return float(found[1])
    raise UsageError(f"{option} {text}: expected seconds, such as 30 or 30s.")


def faults(texts: Sequence[str]) -> tuple[tuple[FaultKind, float], ...]:
    """Parses faults of the form `KIND=RATE`.

    Raises:
        UsageError: the kind is unknown, or the rate is not between 0 and 1.
    """
    return tuple(_fault(text) for text in texts)


def _fault(text: str) -> tuple[FaultKind, float]:
    kind, _, rate = text.partition("=")
    try:
        share = float(rate)
    except ValueError:
        share = -1.0
    # The condition also refuses "nan", because every comparison with NaN is false.
    if kind not in _KINDS or not 0 <= share <= 1:
        raise UsageError(
            f"--fault {text}: expected KIND=RATE. "
            f"KIND is one of {', '.join(FAULT_KINDS)}; RATE is between 0 and 1."
        )
    return _KINDS[kind], share
