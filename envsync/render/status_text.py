"""Renders a status as text: a table with a column for each target.

If the words do not fit into the width, a cell is a sign, and a legend explains the signs. If the
signs do not fit either, there are several tables, each with some of the targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from textwrap import wrap
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct

from envsync.model.wording import printable
from envsync.plan.status import CellState, Status
from envsync.render.paint import Paint, cells, middle_cut, pad
from envsync.render.status_view import (
    CellView,
    RowView,
    reason_views,
    rejected_count,
    row_blocks,
    size_text,
    state_counts,
)

STYLES: Final[Mapping[CellState, str]] = {
    CellState.DRIFTED: "magenta",
    CellState.FOREIGN: "red",
    CellState.PENDING: "yellow",
    CellState.MISSING: "green",
    CellState.ARCHIVED: "cyan",
    CellState.UNDECLARED: "red",
    CellState.IN_SYNC: "dim",
    CellState.SUPERSEDED: "dim",
    CellState.UNREACHABLE: "dim",
}
# The signs of changes are the same as in a plan.
_SIGNS: Final[Mapping[CellState, str]] = MappingProxyType(
    {
        CellState.DRIFTED: "*",
        CellState.FOREIGN: "x",
        CellState.PENDING: "~",
        CellState.MISSING: "+",
        CellState.ARCHIVED: "^",
        CellState.UNDECLARED: "-",
        CellState.IN_SYNC: "=",
        CellState.SUPERSEDED: ".",
        CellState.UNREACHABLE: "?",
    }
)
_REJECTED: Final = "bold red"
_HEADER: Final = ("ENVIRONMENT", "VERSION")

_GAP: Final = "  "
_SHORT_NAME: Final = 20
"""A long name is never cut to fewer columns than this."""

_MOST_VERSION: Final = 16
"""The maximum number of columns of a version."""

_SHORT_TARGET: Final = 12
"""If there is little room, the name of a target is cut to this number of columns."""

_Blocks: TypeAlias = Sequence[Sequence[RowView]]

_Styled: TypeAlias = tuple[str, str]
"""A style and a text."""

_Words: TypeAlias = Callable[[CellView | None], str]


def status_text(status: Status, paint: Paint, width: int, *, full: bool = False) -> str:
    """Returns a status as a table, its legend, the reasons and a summary.

    Args:
        status: the status.
        paint: a function that colours text.
        width: columns of the terminal.
        full: whether each superseded version has its own row, and whether reasons are shown.
    """
    blocks = row_blocks(status.rows, full=full)
    parts = [_table(blocks, status.targets, paint, width)] if blocks else []
    if full:
        parts.append(_reasons(status, paint, width))
    return "\n".join(filter(None, [*parts, status_summary(status, paint, width)]))


def status_summary(status: Status, paint: Paint, width: int) -> str:
    """Returns the numbers of environments, targets and states."""
    found = [(STYLES[state], f"{count} {state}") for state, count in state_counts(status).items()]
    words = [("bold", size_text(status) + (":" if found else ".")), *_listed(found, ".")]
    if rejected := rejected_count(status):
        words.append((_REJECTED, f"{rejected} rejected (!)."))
    if status.unreachable:
        names = ", ".join(map(printable, status.unreachable))
        words.append((_REJECTED, f"Unreachable: {names}."))
    return _flow(words, paint, width)


def _listed(words: Sequence[_Styled], end: str) -> list[_Styled]:
    """Returns the words with a comma after each word, but with `end` after the last word."""
    last = len(words) - 1
    return [(style, word + (end if i == last else ",")) for i, (style, word) in enumerate(words)]


def _flow(words: Iterable[_Styled], paint: Paint, width: int) -> str:
    """Returns the words with spaces between them, in lines that fit into the width."""
    text, column = "", 0
    for style, word in words:
        room = cells(word)
        if column:
            fits = column + 1 + room <= width
            text, column = (f"{text} ", column + 1) if fits else (f"{text}\n", 0)
        text, column = text + paint(style, word), column + room
    return text + "\n"


def _table(blocks: _Blocks, targets: Sequence[str], paint: Paint, width: int) -> str:
    for words, header in product((_word, _sign), (width, _SHORT_TARGET)):
        layout = _Layout.of(blocks, targets, words, width, header)
        if layout.fits:
            legend = "\n" + _legend(blocks, paint, width) if words is _sign else ""
            return layout.text(paint) + legend
    tables: list[str] = []
    left = list(targets)
    while left:
        found = (
            _Layout.of(blocks, left[:count], _sign, width, width)
            for count in range(len(left), 0, -1)
        )
        # A table has at least one target, even if the column of this target is too wide.
        layout = next(item for item in found if item.fits or len(item.targets) == 1)
        tables.append(layout.text(paint))
        del left[: len(layout.targets)]
    return "\n".join([*tables, _legend(blocks, paint, width)])


class _Layout(Struct, frozen=True):
    """A table, with the number of columns for each part of a line.

    Attributes:
        fits: whether the lines fit into the width.
    """

    blocks: _Blocks
    targets: Sequence[str]
    words: _Words
    name: int
    version: int
    widths: Sequence[int]
    fits: bool

    @classmethod
    def of(
        cls,
        blocks: _Blocks,
        targets: Sequence[str],
        words: _Words,
        width: int,
        header: int,
    ) -> _Layout:
        """Computes the widths. The names of environments get the remaining width of the line.

        Args:
            blocks: the rows, in blocks.
            targets: the targets that have a column.
            words: a function that returns the text of a cell.
            width: the maximum number of columns of a line, if possible.
            header: the name of a target is cut to this number of columns, unless the cells below
                it are wider.
        """
        rows = [row for block in blocks for row in block]
        widths = []
        for target in targets:
            longest = max(cells(words(row.cells.get(target))) for row in rows)
            widths.append(max(longest, min(cells(printable(target)), header)))
        version = max(cells(text) for text in (_HEADER[1], *(row.version for row in rows)))
        version = min(version, _MOST_VERSION)
        name = max(cells(text) for text in (_HEADER[0], *(row.name for row in rows)))
        left = width - sum(len(_GAP) + item for item in (version, *widths))
        least = min(name, _SHORT_NAME)
        return cls(
            blocks, targets, words, min(name, max(left, least)), version, widths, least <= left
        )

    def text(self, paint: Paint) -> str:
        """Returns the lines of the table. Leaves out rows that have no cell in this table."""
        bold = [("", printable(target)) for target in self.targets]
        lines = [paint("bold", self._line(*_HEADER, bold, lambda _style, text: text))]
        for block in self.blocks:
            rows = []
            for row in block:
                found = [row.cells.get(target) for target in self.targets]
                if any(found):
                    shown = [(_style(cell), self.words(cell)) for cell in found]
                    rows.append(self._line(row.name, row.version, shown, paint))
            lines += ["", *rows] if rows and len(lines) > 1 else rows
        return "".join(f"{line}\n" for line in lines)

    def _line(self, name: str, version: str, shown: Iterable[_Styled], paint: Paint) -> str:
        """Returns one line. `shown` has the style and the text of each cell."""
        line = _cut(name, self.name) + _GAP + _cut(version, self.version)
        for (style, text), width in zip(shown, self.widths, strict=True):
            cell = _cut(text, width)
            bare = cell.rstrip()
            line += _GAP + paint(style, bare) + " " * (len(cell) - len(bare))
        return line.rstrip()


def _cut(text: str, width: int) -> str:
    """Returns the text with exactly this number of columns."""
    return pad(middle_cut(text, width), width)


def _word(cell: CellView | None) -> str:
    if cell is None:
        return "-"
    return _joined(cell, str(cell.state), "! ")


def _sign(cell: CellView | None) -> str:
    # In a table of signs, `-` means undeclared, so a missing cell is empty.
    return "" if cell is None else _joined(cell, _SIGNS[cell.state], "!")


def _joined(cell: CellView, state: str, mark: str) -> str:
    text = f"{mark if cell.rejected else ''}{state}"
    if cell.count is not None:
        return f"{cell.count} {text}"
    return f"{text} {cell.version}".rstrip()


def _style(cell: CellView | None) -> str:
    if cell is None or cell.calm:
        return "dim"
    return _REJECTED if cell.rejected else STYLES[cell.state]


def _legend(blocks: _Blocks, paint: Paint, width: int) -> str:
    """Returns lines that explain the signs that are in the table."""
    found = [cell for block in blocks for row in block for cell in row.cells.values()]
    states = {cell.state for cell in found}
    words = [
        (STYLES[state], f"{sign} {state}") for state, sign in _SIGNS.items() if state in states
    ]
    if any(cell.rejected for cell in found):
        words.append((_REJECTED, "! rejected"))
    return _flow(_listed(words, ""), paint, width)


def _reasons(status: Status, paint: Paint, width: int) -> str:
    """Returns the reasons, each with its target and version."""
    lines = []
    for item in reason_views(status):
        state = f"! {item.state}" if item.rejected else str(item.state)
        style = _REJECTED if item.rejected else STYLES[item.state]
        lines.append(f"{item.target}  {paint('bold', item.address)}  {paint(style, state)}")
        lines += wrap(item.reason, max(width, 40), initial_indent="  ", subsequent_indent="  ")
    return "".join(f"{line}\n" for line in lines)
