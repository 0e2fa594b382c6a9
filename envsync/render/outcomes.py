"""Renders the outcomes of an apply as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from envsync.model.wording import printable
from envsync.plan.change import Change
from envsync.plan.outcome import Outcome
from envsync.render.paint import WIDTH, Paint, cells, pad
from envsync.render.plan_text import STYLES
from envsync.render.plan_view import SIGNS

_STYLES: Final[Mapping[str, str]] = {
    "done": "green",
    "failed": "bold red",
    "conflict": "bold red",
    "skipped": "yellow",
}
_OTHER: Final = "bold red"

_NOTICEABLE: Final = 0.5
"""The duration of a change is shown if it is at least this many seconds."""

_SHORT: Final = 9.95
"""A duration below this many seconds is shown with one decimal."""


def outcome_column(changes: Iterable[Change], width: int = WIDTH) -> int:
    """Returns the number of columns for the names in outcomes.

    Args:
        changes: the changes of the plan. The width must be known before the first outcome is shown.
        width: columns of the terminal. A long name gets at most half of the columns.
    """
    longest = max((cells(printable(change.address)) for change in changes), default=0)
    return min(longest, width // 2)


def outcome_text(outcome: Outcome, paint: Paint, column: int = 0) -> str:
    """Returns one outcome as one line, with its duration, and the error if there is one.

    Args:
        outcome: the outcome.
        paint: a function that colours text.
        column: the number of columns for the name, from `outcome_column`.
    """
    change = outcome.change
    action = paint(STYLES[change.action], f"  {SIGNS[change.action]} {change.action:<7}")
    status = paint(_STYLES.get(outcome.status, _OTHER), outcome.status)
    line = f"{action}  {pad(printable(change.address), column)}  {status}"
    # A change of the local target takes milliseconds, and such a duration does not help the user.
    if outcome.seconds is not None and outcome.seconds >= _NOTICEABLE:
        line += f" in {duration(outcome.seconds)}"
    return f"{line}: {printable(outcome.error)}" if outcome.error else line


def duration(seconds: float) -> str:
    """Returns a duration as text, such as `2.4 s`, `35 s` or `2 min 05 s`."""
    if seconds < _SHORT:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def applied_text(
    outcomes: Iterable[Outcome], unverified: Sequence[str] | None, paint: Paint
) -> str:
    """Returns the summary of an apply: the number of changes by status, and the verification.

    Args:
        outcomes: the outcomes of all changes.
        unverified: the addresses of changes that the target does not show. None if the target was
            not read again.
        paint: a function that colours text.
    """
    counts = Counter(item.status for item in outcomes)
    order = {status: index for index, status in enumerate(_STYLES)}
    listed = ", ".join(
        paint(_STYLES.get(status, _OTHER), f"{counts[status]} {status}")
        for status in sorted(counts, key=lambda status: order.get(status, len(order)))
    )
    lines = [f"{paint('bold', 'Applied:')} {listed or 'nothing'}."]
    if unverified:
        lines.append(
            f"{paint('bold red', 'Not verified:')} the target does not show the changes of "
            f"{', '.join(map(printable, unverified))}."
        )
    # If no change was made, there is nothing to verify.
    elif unverified is not None and counts["done"]:
        lines.append(f"{paint('green', 'Verified:')} the target shows every change that was done.")
    return "\n".join(lines) + "\n"
