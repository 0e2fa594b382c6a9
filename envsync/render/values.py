"""Renders values of fields: cuts long values, and shows nested values without JSON syntax."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len

from envsync.model.wording import printable
from envsync.render.paint import Paint, shorten

if TYPE_CHECKING:
    from envsync.model.canonical import JSON

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_MOST_VALUE_LINES = 6
_DIGEST_LENGTH = len("sha256:") + 12


def value_text(value: JSON) -> str:
    """Returns a value as one line.

    Strings are quoted, digests are cut to twelve digits, and None becomes `(none)`.
    """
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return short_digest(value) if _DIGEST.match(value) else f'"{printable(value)}"'
    if isinstance(value, dict | list):
        return _plain(value)
    # Not str(), which would return `True`. A file contains `true`.
    return json.dumps(value)


def short_digest(digest: str) -> str:
    """Returns the first twelve digits of a digest, which are enough to distinguish digests."""
    return digest[:_DIGEST_LENGTH] + "…"


def value_lines(
    start: str, value: str, paint: Paint, *, style: str = "", width: int, full: bool
) -> Iterator[str]:
    """Yields the lines that show a value beside the path of its field.

    Args:
        start: the indented path, before the value in the first line.
        value: the value as `value_text` returned it.
        paint: colours the value.
        style: the style of the value.
        width: maximum number of columns. A single word that is longer gets its own line.
        full: if True, all lines are yielded. If False, at most six lines are yielded.
    """
    # An image or a URL cannot be wrapped, so it starts on a new line, where it has more room.
    if cell_len(start + value) > width and " " not in value:
        yield start.rstrip()
        start = " " * (len(start) - len(start.lstrip()) + 2)
    room = max(20, width - cell_len(start))
    # Names of packages contain hyphens, and are easier to find if they are not split.
    lines = textwrap.wrap(value, room, break_on_hyphens=False) or [value]
    if len(lines) > _MOST_VALUE_LINES and not full:
        last = shorten(lines[_MOST_VALUE_LINES - 1] + " …", room)
        lines = [*lines[: _MOST_VALUE_LINES - 1], last]
    for index, line in enumerate(lines):
        yield (start if index == 0 else " " * cell_len(start)) + paint(style, line)


def _plain(value: JSON) -> str:
    """Returns nested data without quotes, and without brackets at the top level."""
    if isinstance(value, dict):
        return "; ".join(f"{printable(key)}: {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(
            f"[{_plain(item)}]" if isinstance(item, dict | list) else _plain(item) for item in value
        )
    return printable(value) if isinstance(value, str) else json.dumps(value)
