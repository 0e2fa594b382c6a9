"""`Status`: which environment is in which target, and in which state.

A `Status` is a table. A row is an environment version, a column is a target, and a `Cell` is the
state of the version in the target. `status_cells.py` derives the cells of one target from its plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from envsync.model.canonical import JSON
from envsync.model.declaration import Declaration, Source
from envsync.model.naming import natural_order
from envsync.plan.drifted import Drifted
from envsync.plan.selection import selected


# Rows and summaries are in the order of these members: states that need attention are first.
class CellState(StrEnum):
    """The state of an environment version in a target.

    - `drifted`: somebody changed the version in the target since envsync wrote it.
    - `foreign`: another project or the service owns the version or its name, so this project cannot
      change the version.
    - `pending`: the environment is in the target, and an apply would change it.
    - `missing`: a file declares the version, and the version is not in the target.
    - `archived`: the version is archived in the target.
    - `undeclared`: the version is active in the target and no file declares it. Either no file
      declares its name, or nobody owns the version.
    - `in-sync`: the version equals its file.
    - `superseded`: files declare other versions of the name. The project owns this version.
    - `unreachable`: the target could not be read.
    """

    DRIFTED = "drifted"
    FOREIGN = "foreign"
    PENDING = "pending"
    MISSING = "missing"
    ARCHIVED = "archived"
    UNDECLARED = "undeclared"
    IN_SYNC = "in-sync"
    SUPERSEDED = "superseded"
    UNREACHABLE = "unreachable"


_CALM: Final = frozenset({CellState.IN_SYNC, CellState.SUPERSEDED, CellState.UNREACHABLE})


class Key(NamedTuple):
    """Identifies a row of a status.

    Attributes:
        name: the name of the environment, without the suffix of a target.
        version: the version. None for a file without `version`.
        lacks_suffix: True if the target has a suffix that the name in the target lacks. A declared
            environment of this name is another environment.
    """

    name: str
    version: str | None
    lacks_suffix: bool = False


class Cell(Struct, frozen=True):
    """The state of one environment version in one target.

    Attributes:
        version: the version in the target, or the version that is missing. If the file has no
            `version`, envsync assigned this version. None if the target could not be read.
        name: the name in the target, with the suffix of the target.
        predecessor: the registered version that a missing version follows. None if the version is
            in the target, or if it follows no registered version.
        reason: why the version is in this state, as in the plan. Empty if there is no reason.
        rejected: True if the plan rejects the version, so that an apply fails.
        declared: True if a file declares the version for the target.
        drifted: the edit in the target that an apply would overwrite, or None.
    """

    state: CellState
    version: str | None = None
    name: str = ""
    predecessor: str | None = None
    reason: str = ""
    rejected: bool = False
    declared: bool = False
    drifted: Drifted | None = None

    @property
    def is_calm(self) -> bool:
        """True if nobody has to do anything about the version.

        For example, an archived version that no file declares needs no action.
        """
        calm = _CALM if self.declared else _CALM | {CellState.ARCHIVED}
        return self.state in calm and not self.rejected

    @property
    def trouble(self) -> int:
        """The rank of the cell by urgency. The most urgent cells have the lowest number."""
        if self.rejected:
            return -1
        order = list(CellState)
        # An archived version that no file declares is less urgent than every other cell.
        calm_last = self.state is CellState.ARCHIVED and self.is_calm
        return len(order) if calm_last else order.index(self.state)

    def to_json(self) -> dict[str, JSON]:
        """Returns the cell as JSON data."""
        data: dict[str, JSON] = {
            "state": str(self.state),
            "version": self.version,
            "name": self.name,
            "predecessor": self.predecessor,
            "reason": self.reason,
            "rejected": self.rejected,
            "declared": self.declared,
        }
        if self.drifted is not None:
            data["drifted"] = self.drifted.to_json()
        return data


class StatusRow(Struct, frozen=True):
    """One environment version in all targets.

    Attributes:
        key: the name and the version.
        cells: the cells, by target. A target that neither has nor should have the version has no
            cell.
        source: the position of the declaration. None if no file declares the version.
    """

    key: Key
    cells: Mapping[str, Cell]
    source: Source | None = None

    @property
    def names(self) -> frozenset[str]:
        """The name of the environment in files, and its names in the targets."""
        return frozenset({self.key.name, *(item.name for item in self.cells.values())} - {""})

    @property
    def trouble(self) -> int:
        """The rank of the most urgent cell of the row. Unreachable targets come last."""
        return min(cell.trouble for cell in self.cells.values())

    def to_json(self) -> dict[str, JSON]:
        """Returns the row as JSON data."""
        return {
            "name": self.key.name,
            "version": self.key.version,
            "source": None if self.source is None else self.source.to_json(),
            "cells": {target: cell.to_json() for target, cell in self.cells.items()},
        }


class Status(Struct, frozen=True):
    """The states of all environment versions in all targets.

    Attributes:
        targets: the names of the targets, in the order of the columns.
        rows: the rows, those that need attention first.
        unreachable: maps each target that could not be read to the error message.
    """

    targets: tuple[str, ...]
    rows: tuple[StatusRow, ...]
    unreachable: Mapping[str, str] = field(default_factory=dict)

    def counts(self, target: str | None = None) -> dict[CellState, int]:
        """Returns the number of cells in each state. States without a cell are left out.

        Args:
            target: the target whose cells are counted. If None, the cells of all targets are
                counted.
        """
        found = Counter(
            cell.state
            for row in self.rows
            for name, cell in row.cells.items()
            if target in (None, name)
        )
        return {state: found[state] for state in CellState if found[state]}

    def selected(self, globs: Sequence[str], declarations: Iterable[Declaration]) -> Status:
        """Returns the rows whose name matches a glob, with or without the suffix of a target.

        Args:
            globs: the patterns. If empty, every row is returned.
            declarations: the declarations, for the hint in the error message.

        Raises:
            EnvsyncError: a glob matches no name.
        """
        names = {name for row in self.rows for name in row.names}
        chosen = set(selected(names, globs, None, suffix="", declarations=declarations))
        return replace(self, rows=tuple(row for row in self.rows if chosen & row.names))

    def to_json(self) -> dict[str, JSON]:
        """Returns the status as JSON data, as `status --format json` prints it."""
        return {
            "format_version": 1,
            "targets": list(self.targets),
            "unreachable": dict(self.unreachable),
            "summary": {str(state): count for state, count in self.counts().items()},
            "environments": [row.to_json() for row in self.rows],
        }


def status(
    cells: Mapping[str, Mapping[Key, Cell]],
    unreachable: Mapping[str, str],
    sources: Mapping[Key, Source],
    *,
    targets: Iterable[str],
    archived: bool = False,
) -> Status:
    """Puts the cells of all targets into one table.

    Args:
        cells: the cells of each target that was read, from `target_cells`.
        unreachable: maps each target that could not be read to the error message.
        sources: the position of each declaration.
        targets: the names of the targets, in the order of the columns.
        archived: whether to include rows that no file declares and that are archived everywhere.
    """
    targets = tuple(targets)
    keys = dict.fromkeys(key for found in cells.values() for key in found)
    if unreachable:
        keys |= dict.fromkeys(sources)
    rows = []
    for key in keys:
        row = StatusRow(
            key,
            {
                target: Cell(CellState.UNREACHABLE) if target in unreachable else cells[target][key]
                for target in targets
                if target in unreachable or key in cells[target]
            },
            sources.get(key),
        )
        states = {cell.state for cell in row.cells.values()}
        hidden = {CellState.ARCHIVED, CellState.UNREACHABLE}
        if archived or row.source is not None or states - hidden:
            rows.append(row)
    failed = {target: unreachable[target] for target in targets if target in unreachable}
    return Status(targets, tuple(sorted(rows, key=_order)), failed)


def _order(row: StatusRow) -> tuple[object, ...]:
    version = row.key.version
    # A file without `version` is the only declaration of its name, so its row can come first.
    return (
        row.trouble,
        natural_order(row.key.name),
        version is not None,
        natural_order(version or ""),
        row.key.lacks_suffix,
    )
