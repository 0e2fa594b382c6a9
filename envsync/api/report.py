"""Reads everything that the page of `envsync report` shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from envsync.api.planning import provenance
from envsync.api.references import declared_in, held_in
from envsync.api.status import Reading, reading
from envsync.git.references import references_of
from envsync.model.target import KeepsHistory
from envsync.plan.in_use import means
from envsync.plan.reference_status import judge, unused
from envsync.plan.report import Report, TargetReport, UsedEnvironment
from envsync.targets.connection import Advance, Connection

if TYPE_CHECKING:
    from envsync.git.references import FoundReferences
    from envsync.model.history import HistoryEntry
    from envsync.project.project import Project


def read_report(
    project: Project,
    targets: Iterable[str] = (),
    *,
    at: str,
    connection: Callable[[str], Connection] = lambda _name: Connection(),
    advance: Advance = lambda _done, _total: None,
) -> Report:
    """Returns plans, states, references and history of several targets. Never writes to a target.

    A target that cannot be read is `unreachable` in the status of the report.

    Args:
        project: the project, from `load_project`.
        targets: the names of targets in `envsync.yaml`. If empty, all targets are read.
        at: the time of the report, ISO 8601 in UTC.
        connection: a function that returns the settings of the connection for a target.
        advance: a function that is called with the number of targets that are read, and the number
            of all targets.

    Raises:
        EnvsyncError: there is no project, or a target that was read cannot be read again.
        InvalidProject: the settings of a target are not valid for the declared environments.
        UsageError: the settings contain no target of this name.
    """
    found = references_of(project, with_specs=True)
    with reading(project, targets, connection=connection, advance=advance, found=found) as places:
        used = _used(project, places, found)
        reports = tuple(_target_report(project, places, name) for name in places.plans)
    declared = declared_in(project)
    return Report(
        project.config.policy.project,
        at,
        provenance(project),
        reports,
        places.status,
        used,
        tuple(unused((item.judged for item in used), declared)),
        found.warning,
    )


def _used(project: Project, places: Reading, found: FoundReferences) -> tuple[UsedEnvironment, ...]:
    declared = declared_in(project)
    judged = {}
    for name, target in places.opened.items():
        held = held_in(project, target, found, places.states[name])
        judged[name] = judge(found.references, declared, held)
    return tuple(
        UsedEnvironment(
            item,
            {
                name: items[number]
                for name, items in judged.items()
                if means(item.reference, places.opened[name].identity)
            },
        )
        for number, item in enumerate(judge(found.references, declared))
    )


def _target_report(project: Project, places: Reading, name: str) -> TargetReport:
    target, state = places.opened[name], places.own[name]
    suffix = project.config.targets[name].scope.suffix
    history: tuple[HistoryEntry, ...] | None = None
    if isinstance(target, KeepsHistory):
        entries = (entry for key in state for entry in target.history(key))
        history = tuple(sorted(entries, key=lambda entry: entry.at))
    containers = {key.removesuffix(suffix): item for key, item in state.items()}
    return TargetReport(places.plans[name], containers, history)
