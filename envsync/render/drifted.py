"""Renders the edits in the target that a change would overwrite."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from envsync.model.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsync.plan.drifted import Drifted

_MOST_FIELDS: Final = 8
_FRACTION: Final = re.compile(r"\.\d+")


def drifted_text(drifted: Drifted) -> str:
    """Returns an edit as one line: `drifted: tags.owner was changed by Ada at 2026-…`."""
    made = f"changed {who(drifted.by, drifted.at)}"
    if drifted.certain:
        verb = "was" if len(drifted.fields) == 1 else "were"
        return f"drifted: {_listed(drifted.fields, 'and')} {verb} {made}"
    return f"drifted: the version was {made}, possibly {_listed(drifted.fields, 'or')}"


def who(by: str | None, at: str | None) -> str:
    """Returns who made the last write: `by Ada at 2026-…`, or `in the target` if unknown."""
    if by is None or at is None:
        return "in the target"
    return printable(f"by {by} at {_FRACTION.sub('', at).replace('+00:00', 'Z')}")


def _listed(fields: Sequence[str], word: str) -> str:
    """Returns the paths of fields as a list of words."""
    shown = [printable(path) for path in fields[:_MOST_FIELDS]]
    if more := len(fields) - len(shown):
        shown.append(f"{more} more")
    *first, last = shown
    return f"{', '.join(first)} {word} {last}" if first else last
