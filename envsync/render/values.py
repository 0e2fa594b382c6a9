"""Field values for people: short where they are long, plain where they are nested."""

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
    """A value on one line: strings in quotes, digests cut to twelve digits, nothing as `(none)`."""
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return short_digest(value) if _DIGEST.match(value) else f'"{printable(value)}"'
    if isinstance(value, dict | list):
        return _plain(value)
    return json.dumps(value)


def short_digest(digest: str) -> str:
    """The first twelve digits of a digest, enough to tell two apart by eye."""
    return digest[:_DIGEST_LENGTH] + "…"


def value_lines(
    start: str, value: str, paint: Paint, style: str, width: int, full: bool
) -> Iterator[str]:
    """A value's text beside its path, on as many lines as it needs; unless `full`, on at most six.

    One word that has no room there gets a line of its own.
    """
    if cell_len(start + value) > width and " " not in value:
        yield start.rstrip()
        start = " " * (len(start) - len(start.lstrip()) + 2)
    room = max(20, width - cell_len(start))
    lines = textwrap.wrap(value, room, break_on_hyphens=False) or [value]
    if len(lines) > _MOST_VALUE_LINES and not full:
        last = shorten(lines[_MOST_VALUE_LINES - 1] + " …", room)
        lines = [*lines[: _MOST_VALUE_LINES - 1], last]
    for index, line in enumerate(lines):
        yield (start if index == 0 else " " * cell_len(start)) + paint(style, line)


def _plain(value: JSON) -> str:
    """Nested data without quotes and, at the top, without brackets."""
    if isinstance(value, dict):
        return "; ".join(f"{printable(key)}: {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(
            f"[{_plain(item)}]" if isinstance(item, dict | list) else _plain(item) for item in value
        )
    return printable(value) if isinstance(value, str) else json.dumps(value)
