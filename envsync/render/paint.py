"""Colour and width of text for a terminal, and text from files made safe to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

Paint: TypeAlias = Callable[[str, str], str]
"""`paint(style, text)`: the text in a style such as `bold red`."""

WIDTH = 80
"""Columns where nobody says how many there are."""


def painter(color: bool) -> Paint:
    """A `Paint` that colours with ANSI codes, or leaves text as it is."""
    if not color:
        return lambda _style, text: text
    from rich.color import ColorSystem
    from rich.style import Style

    return lambda style, text: Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def pad(text: str, width: int) -> str:
    """Text filled up with blanks to a number of terminal columns; never shortened."""
    return text + " " * max(0, width - cell_len(text))


def shorten(text: str, width: int) -> str:
    """Text that takes at most this many terminal columns, with `…` where something is left out."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows of cells as aligned lines, two blanks between columns, none at the end."""
    rows = list(rows)
    if not rows:
        return []
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
