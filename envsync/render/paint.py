"""Colours and widths of text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

Paint: TypeAlias = Callable[[str, str], str]
"""`paint(style, text)` returns the text in a style such as `bold red`."""

WIDTH = 80
"""The number of columns if the terminal does not report one."""


def painter(color: bool) -> Paint:
    """A `Paint` that adds ANSI codes if `color` is set, and else returns the text unchanged."""
    # Importing these modules of rich takes time that runs without colour should not spend.
    if not color:
        return lambda _style, text: text
    from rich.color import ColorSystem
    from rich.style import Style

    return lambda style, text: Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def pad(text: str, width: int) -> str:
    """The text padded with spaces to a number of terminal columns. Longer text stays as it is."""
    # Not str.ljust: East Asian characters and emoji take two columns.
    return text + " " * max(0, width - cell_len(text))


def shorten(text: str, width: int) -> str:
    """The text cut to a number of terminal columns, with `…` at the cut."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows of cells as aligned lines, with two spaces between columns and none at the end."""
    rows = list(rows)
    if not rows:
        return []
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
