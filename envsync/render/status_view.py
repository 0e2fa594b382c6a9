"""The table of a status, the same for every format. Superseded versions of a name share a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from envsync.model.wording import printable
from envsync.plan.status import Cell, CellState, Status, StatusRow
from envsync.render.drifted import drifted_text
from envsync.render.paint import middle_cut

AUTO: Final = "auto"
"""The version that is shown for a file without `version`."""

_MOST_VERSION: Final = 14
"""The maximum number of columns of a version in a cell."""


class CellView(Struct, frozen=True):
    """One cell.

    Attributes:
        calm: True if nobody has to do anything about the version.
        version: the version in the target. Empty if the row shows the same version.
        count: the number of versions in the cell. None if the row is about one version.
    """

    state: CellState
    calm: bool = True
    rejected: bool = False
    version: str = ""
    count: int | None = None


class RowView(Struct, frozen=True):
    """One row: an environment version, or several superseded versions of one environment."""

    name: str
    version: str
    cells: Mapping[str, CellView]


class ReasonView(Struct, frozen=True):
    """Why a version is in its state.

    Attributes:
        address: the name in the target and the version, such as `pydata:2`.
    """

    target: str
    address: str
    state: CellState
    rejected: bool
    reason: str


def row_blocks(rows: Iterable[StatusRow], *, full: bool) -> list[list[RowView]]:
    """Returns the rows of a table, in up to three blocks.

    The first block has the rows that need attention, the second block the rows that are in sync,
    and the last block the superseded versions.

    Args:
        rows: the rows of a status.
        full: whether each superseded version has its own row.
    """
    blocks: tuple[list[RowView], list[RowView], list[RowView]] = ([], [], [])
    superseded: dict[tuple[object, ...], list[StatusRow]] = {}
    for row in rows:
        if not all(cell.is_calm for cell in row.cells.values()):
            blocks[0].append(row_view(row))
        elif row.source is not None:
            blocks[1].append(row_view(row))
        else:
            group = row.key if full else (row.key.name, row.key.lacks_suffix)
            superseded.setdefault(group, []).append(row)
    blocks[2].extend(_combined(group) for group in superseded.values())
    return [block for block in blocks if block]


def reason_views(status: Status) -> list[ReasonView]:
    """Returns the versions that have a reason, in the order of the rows."""
    return [
        ReasonView(
            printable(target),
            printable(f"{cell.name}:{cell.version}"),
            cell.state,
            cell.rejected,
            reason_text(cell),
        )
        for row in status.rows
        for target, cell in row.cells.items()
        if cell.reason
    ]


def size_text(status: Status) -> str:
    """Returns the numbers of environments and targets, such as `2 environments in 3 targets`."""
    names = len({(row.key.name, row.key.lacks_suffix) for row in status.rows})
    return f"{_counted(names, 'environment')} in {_counted(len(status.targets), 'target')}"


def state_counts(status: Status) -> dict[CellState, int]:
    """Returns the number of cells in each state, without the cells of unreachable targets."""
    counts = status.counts()
    counts.pop(CellState.UNREACHABLE, None)
    return counts


def rejected_count(status: Status) -> int:
    """Returns the number of cells whose version the plan rejects."""
    return sum(cell.rejected for row in status.rows for cell in row.cells.values())


def row_view(row: StatusRow) -> RowView:
    """Returns the row of a table for one environment version."""
    own = row.key.version
    cells = {
        target: CellView(
            cell.state,
            cell.is_calm,
            cell.rejected,
            "" if cell.version == own else _versions(cell),
        )
        for target, cell in row.cells.items()
    }
    return RowView(_name(row), AUTO if own is None else printable(own), cells)


def reason_text(cell: Cell) -> str:
    """Returns why a version is in its state, and who changed it in the target."""
    reason = printable(cell.reason)
    return reason if cell.drifted is None else f"{reason}; {drifted_text(cell.drifted)}"


def _versions(cell: Cell) -> str:
    """Returns the version of a cell, such as `2`, or `1→2` for a new version after 1."""
    found = [
        middle_cut(printable(item), _MOST_VERSION)
        for item in (cell.predecessor, cell.version)
        if item
    ]
    return "→".join(found)


def _combined(rows: list[StatusRow]) -> RowView:
    if len(rows) == 1:
        return row_view(rows[0])
    cells: dict[str, CellView] = {}
    for target in dict.fromkeys(target for row in rows for target in row.cells):
        states = Counter(row.cells[target].state for row in rows if target in row.cells)
        state = CellState.SUPERSEDED if states[CellState.SUPERSEDED] else next(iter(states))
        count = None if state is CellState.UNREACHABLE else states[state]
        cells[target] = CellView(state, count=count)
    return RowView(_name(rows[0]), f"{len(rows)} more", cells)


def _name(row: StatusRow) -> str:
    """Returns the name. Adds a note if the name could be confused with a declared name."""
    name = printable(row.key.name)
    return f"{name} (no suffix)" if row.key.lacks_suffix else name


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
