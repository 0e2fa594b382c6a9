"""Colours and widths of text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

# The modules of rich are imported where they are used, because importing them is slow and most
# texts are ASCII without colours.
Paint: TypeAlias = Callable[[str, str], str]
"""`paint(style, text)` returns the text in a style such as `bold red`."""

WIDTH = 80
"""The number of columns that is assumed if the width of the terminal is unknown."""


def painter(color: bool) -> Paint:
    """Returns a `Paint` that adds ANSI codes if `color` is True, and otherwise changes nothing."""
    if not color:
        return lambda _style, text: text
    from rich.color import ColorSystem
    from rich.style import Style

    return lambda style, text: Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def cells(text: str) -> int:
    """Returns the number of terminal columns of a printable text."""
    # Most texts are ASCII, and for ASCII `len` is ten times faster than `cell_len`.
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def pad(text: str, width: int) -> str:
    """Pads the text with spaces to a number of terminal columns. Longer text is unchanged."""
    # Not str.ljust: East Asian characters and emoji take two columns.
    return text + " " * max(0, width - cells(text))


def shorten(text: str, width: int) -> str:
    """Cuts the text to a number of terminal columns, with `…` at the end if it is cut."""
    if cells(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def middle_cut(text: str, width: int) -> str:
    """Cuts the text to a number of terminal columns, with `…` in the middle if it is cut."""
    if cells(text) <= width:
        return text
    from rich.cells import set_cell_size

    room = max(0, width - 1)
    start = set_cell_size(text, room // 2).rstrip()
    end = ""
    for character in reversed(text):
        if cells(character + end) > room - cells(start):
            break
        end = character + end
    return f"{start}…{end}"


def columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Returns rows of cells as aligned lines, with two spaces between columns."""
    rows = list(rows)
    if not rows:
        return []
    widths = [max(cells(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
