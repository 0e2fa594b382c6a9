"""What the options of `envsync emulator` say, read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from envsync.emulator.settings import FAULT_KINDS, FaultKind
from envsync.model.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MILLISECONDS = re.compile(r"(\d+)(?:ms)?")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")

_KINDS: Mapping[str, FaultKind] = {kind: kind for kind in FAULT_KINDS}


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them; each counts once, in any case of letters.

    Raises:
        UsageError: one is no name of a workspace or registry.
    """
    found: dict[str, str] = {}
    for name in filter(None, text.split(",")):
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a workspace or registry.")
        found.setdefault(name.lower(), name)
    return tuple(found.values())


def milliseconds(text: str) -> int:
    """A number of milliseconds, with or without `ms` after it.

    Raises:
        UsageError: it is none.
    """
    if found := _MILLISECONDS.fullmatch(text):
        return int(found[1])
    raise UsageError(f"--latency {text}: it takes milliseconds, such as 50 or 50ms.")


def seconds(option: str, text: str) -> float:
    """A number of seconds, with or without `s` after it; `option` is for the message.

    Raises:
        UsageError: it is none.
    """
    if found := _SECONDS.fullmatch(text):
        return float(found[1])
    raise UsageError(f"{option} {text}: it takes seconds, such as 30 or 30s.")


def faults(texts: Sequence[str]) -> tuple[tuple[FaultKind, float], ...]:
    """Faults as they are written: `KIND=RATE`.

    Raises:
        UsageError: there is no such kind, or the rate is not between 0 and 1.
    """
    return tuple(_fault(text) for text in texts)


def _fault(text: str) -> tuple[FaultKind, float]:
    kind, _, rate = text.partition("=")
    try:
        share = float(rate)
    except ValueError:
        share = -1.0
    if kind not in _KINDS or not 0 <= share <= 1:
        kinds = ", ".join(FAULT_KINDS)
        raise UsageError(f"--fault {text}: it takes KIND=RATE, of {kinds}, and 0 to 1.")
    return _KINDS[kind], share
