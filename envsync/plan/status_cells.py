"""Derives the state of each environment version in one target from the plan for this target.

The plan decides what differs, and what the project is allowed to change. This module derives a
state from each of these decisions, and adds the registered versions that the plan does not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion, State
from envsync.plan.change import Action, Change, Rejection
from envsync.plan.compare import match_spec
from envsync.plan.ownership import belongs_to_service, owner_phrase
from envsync.plan.plan import Plan
from envsync.plan.status import Cell, CellState, Key
from envsync.plan.versions import resolve

_OF_OTHERS: Final = frozenset({"foreign-owner", "unowned", "curated"})
"""The codes of rejections with this reason: the project does not own the version or the name."""


def target_cells(
    declarations: Iterable[Declaration],
    actual: State,
    plan: Plan,
    policy: Policy,
    *,
    suffix: str = "",
) -> dict[Key, Cell]:
    """Returns the cells of one target.

    Args:
        declarations: the declarations that the plan was made from.
        actual: the state that the plan was made from.
        plan: the plan for all names, without a selection.
        policy: the policy of the plan.
        suffix: the text that the target adds to every declared name.

    Raises:
        EnvsyncError: two declarations have the same version.
    """
    declared: dict[str, list[Declaration]] = defaultdict(list)
    for declaration in declarations:
        declared[declaration.name].append(declaration)
    changes = {(item.name, item.version): item for item in plan.changes}
    rejections = {(item.name, item.version): item for item in plan.rejections}
    cells: dict[Key, Cell] = {}
    for name in actual.keys() | declared.keys():
        container = actual.get(name, Container(name))
        versions = resolve(declared[name], container, policy)
        planned = _Planned(container, versions, plan.project, changes, rejections)
        for version, declaration in versions.items():
            cell = planned.declared(version, declaration)
            key = Key(declaration.declared_name, declaration.version)
            cells[key] = replace(cell, name=name, version=version, declared=True)
        if belongs_to_service(container):
            continue
        for item in container.versions:
            if item.version not in versions:
                lacks = not name.endswith(suffix)
                key = Key(name.removesuffix(suffix), item.version, lacks)
                cells[key] = replace(planned.undeclared(item), name=name, version=item.version)
    return cells


class _Planned(Struct, frozen=True):
    """The container, the declared versions and the planned changes of one name."""

    container: Container
    versions: Mapping[str, Declaration]
    project: str
    changes: Mapping[tuple[str, str | None], Change]
    rejections: Mapping[tuple[str, str | None], Rejection]

    def declared(self, version: str, declaration: Declaration) -> Cell:
        """Returns the cell of a declared version."""
        name, registered = self.container.name, self.container.version(version)
        if rejection := self.rejections.get((name, version)):
            return _rejected(rejection, CellState.PENDING)
        if change := self.changes.get((name, version)):
            return Cell(
                _state_of(change, declaration),
                predecessor=change.predecessor,
                reason=_reason(change),
                drifted=change.drifted,
            )
        whole = self.changes.get((name, None))
        if self.container.archived:
            return Cell(CellState.ARCHIVED, reason="the environment is archived")
        if whole is not None:
            return Cell(CellState.PENDING, reason=whole.reason)
        unknown = registered is not None and match_spec(declaration.spec, registered) == "unknown"
        return Cell(
            CellState.IN_SYNC,
            reason="the content of the build context cannot be verified" if unknown else "",
        )

    def undeclared(self, item: RegisteredVersion) -> Cell:
        """Returns the cell of a registered version that no file declares."""
        ours, name = item.owner == self.project, self.container.name
        if ours:
            state = CellState.SUPERSEDED if self.versions else CellState.UNDECLARED
        else:
            state = CellState.FOREIGN if item.owner else CellState.UNDECLARED
        active = not (item.archived or self.container.archived)
        # A decision about the whole environment applies to the active versions of the project.
        found = (name, item.version), *([(name, None)] if ours and active else [])
        for key in found:
            if rejection := self.rejections.get(key):
                return _rejected(rejection, state)
        if not active:
            return Cell(CellState.ARCHIVED)
        for key in found:
            if change := self.changes.get(key):
                return Cell(state, reason=change.reason)
        return Cell(state, reason="" if ours else f"the version {owner_phrase(item.owner)}")


def _state_of(change: Change, declaration: Declaration) -> CellState:
    """Returns the state of a declared version that the plan changes."""
    if change.action is Action.RESTORE:
        return CellState.ARCHIVED
    if change.drifted is not None:
        return CellState.DRIFTED
    # If a file without `version` was edited, it gets a new version. The environment is already in
    # the target, so the new version is pending, not missing.
    new = change.action is Action.CREATE
    edited = declaration.version is None and change.predecessor is not None
    return CellState.MISSING if new and not edited else CellState.PENDING


def _reason(change: Change) -> str:
    # The fields of a new version are its whole content, so the reason does not list them.
    if change.action is Action.CREATE or not change.fields:
        return change.reason
    return f"{change.reason} ({', '.join(field.path for field in change.fields)})"


def _rejected(rejection: Rejection, state: CellState) -> Cell:
    if rejection.code in _OF_OTHERS:
        state = CellState.FOREIGN
    return Cell(state, reason=rejection.message, rejected=True)
