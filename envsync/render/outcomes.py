"""Renders the outcomes of an apply as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from envsync.model.wording import printable
from envsync.plan.outcome import Outcome, Status
from envsync.render.paint import Paint
from envsync.render.plan_text import STYLES
from envsync.render.plan_view import SIGNS

_STYLES: dict[Status, str] = {"done": "green", "failed": "bold red", "skipped": "yellow"}


def outcome_text(outcome: Outcome, paint: Paint) -> str:
    """Returns one outcome as one line, with the error if there is one."""
    change = outcome.change
    action = paint(STYLES[change.action], f"  {SIGNS[change.action]} {change.action:<7}")
    line = (
        f"{action}  {printable(change.address)}  {paint(_STYLES[outcome.status], outcome.status)}"
    )
    return f"{line}: {printable(outcome.error)}" if outcome.error else line


def applied_text(
    outcomes: Iterable[Outcome], unverified: Sequence[str] | None, paint: Paint
) -> str:
    """Returns the summary of an apply: the changes by status, and the result of the verification.

    Args:
        outcomes: the outcomes of all changes.
        unverified: the addresses of changes that the target does not show. None if the target was
            not read again.
        paint: colours the text.
    """
    counts = Counter(item.status for item in outcomes)
    listed = ", ".join(
        paint(style, f"{counts[status]} {status}")
        for status, style in _STYLES.items()
        if counts[status]
    )
    lines = [f"{paint('bold', 'Applied:')} {listed or 'nothing'}."]
    if unverified:
        lines.append(
            f"{paint('bold red', 'Not verified:')} the target does not show the changes of "
            f"{', '.join(map(printable, unverified))}."
        )
    # If no change is done, there is nothing to verify.
    elif unverified is not None and counts["done"]:
        lines.append(f"{paint('green', 'Verified:')} the target shows every change that was done.")
    return "\n".join(lines) + "\n"
