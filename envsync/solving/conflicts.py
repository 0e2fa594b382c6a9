"""Finds the smallest set of dependencies that cannot be installed together."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

Explain: TypeAlias = Callable[[Sequence[int]], Awaitable[str | None]]
"""Returns why a set of dependencies cannot be installed, or None if the set can be installed."""

_BRANCH: Final = re.compile(r"^[\s│├└─]+")
_START: Final = re.compile(r"^\S[^:;]* cannot be installed: ")
# Replaces long phrases of the solver by short ones. The phrase "no candidates were found" is also
# misleading: the solver uses it if another dependency of the file excludes the candidates.
_PHRASES: Final = {
    "Cannot solve the request because of: ": "",
    "The following packages are incompatible": "",
    "because there are no viable options": "",
    "with any of the following options": "",
    "for which no candidates were found": "which is not available",
    "which conflicts with the versions reported above": "which conflicts with these versions",
    "would require": "requires",
    " :": ":",
}


async def smallest_conflict(explain: Explain, candidates: Sequence[int]) -> list[int]:
    """Returns a set that cannot be installed, although every smaller part can be installed.

    The algorithm is QuickXplain (Junker 2004, https://cdn.aaai.org/AAAI/2004/AAAI04-027.pdf). For a
    conflict of k out of n dependencies, the algorithm needs about k·log(n/k) calls of `explain`.

    Args:
        explain: a function that returns why a set cannot be installed, or None.
        candidates: indexes of dependencies that cannot be installed together.
    """
    return sorted(await _search(explain, [], added=False, candidates=list(candidates)))


async def _search(
    explain: Explain, kept: list[int], *, added: bool, candidates: list[int]
) -> list[int]:
    """Returns the part of `candidates` that is in conflict with `kept`.

    Args:
        explain: a function that returns why a set cannot be installed, or None.
        kept: indexes that every call of `explain` includes.
        added: whether `kept` has grown since the last call of `explain`.
        candidates: the indexes to choose from.
    """
    if added and await explain(kept) is not None:
        return []
    if len(candidates) == 1:
        return candidates
    half = len(candidates) // 2
    first, second = candidates[:half], candidates[half:]
    of_second = await _search(explain, kept + first, added=True, candidates=second)
    of_first = await _search(explain, kept + of_second, added=bool(of_second), candidates=first)
    return of_first + of_second


def one_line(explanation: str) -> str:
    """Returns the explanation of the solver as one line. The solver returns a tree of lines."""
    for phrase, short in _PHRASES.items():
        explanation = explanation.replace(phrase, short)
    lines = (_BRANCH.sub("", line).rstrip(" .") for line in explanation.splitlines())
    # Several builds of one version have equal lines. The dict removes duplicates.
    joined = "; ".join(dict.fromkeys(filter(None, lines)))
    # A line that ends with one of these words is continued in the next line.
    text = joined.replace(":; ", ": ").replace(" requires; ", " requires ")
    # If the explanation is about one dependency, its start only repeats that the dependency cannot
    # be installed.
    return _START.sub("", text)
