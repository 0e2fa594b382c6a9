"""Finds what was changed in a target since envsync last wrote to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from envsync.api.planning import plan_for
from envsync.api.several import open_each, read_each
from envsync.plan.drift_report import DriftReport, drift_report
from envsync.plan.selection import ensure_possible, selected
from envsync.project.for_target import of_other_targets
from envsync.project.project import Project
from envsync.targets.connection import Advance, Connection

if TYPE_CHECKING:
    from envsync.model.state import State
    from envsync.model.target import Target


def find_each_drift(
    project: Project,
    targets: Iterable[str],
    globs: Sequence[str] = (),
    *,
    ignore: Sequence[str] = (),
    connection: Callable[[str], Connection] = lambda _name: Connection(),
    advance: Advance = lambda _done, _total: None,
) -> tuple[list[DriftReport], dict[str, str]]:
    """Returns the drift of each target, and the error message of each target that cannot be read.

    The targets are read at the same time.

    Args:
        project: the project, from `load_project`.
        targets: the names of the targets in `envsync.yaml`.
        globs: as for `find_drift`.
        ignore: as for `find_drift`.
        connection: a function that returns the settings of the connection for a target.
        advance: a function that is called with the number of targets that are read, and the number
            of all targets.

    Raises the same exceptions as `find_drift`.
    """
    with ExitStack() as stack:
        opened, failed = open_each(project, targets, connection, stack)
        selected = {name: _names(project, target, globs) for name, target in opened.items()}
        owner = project.config.policy.project
        states, unread = read_each(
            {name: partial(target.read, selected[name], owner) for name, target in opened.items()},
            advance,
        )
        reports = [
            find_drift(project, opened[name], globs, ignore=ignore, actual=state)
            for name, state in states.items()
        ]
    return reports, failed | unread


def find_drift(
    project: Project,
    target: Target,
    globs: Sequence[str] = (),
    *,
    ignore: Sequence[str] = (),
    actual: State | None = None,
) -> DriftReport:
    """Returns the edits in a target that do not come from git. Never writes.

    Args:
        project: the project, from `load_project`.
        target: the open target. The target is read at most once.
        globs: patterns. The report includes only environments whose name matches a pattern, with or
            without the suffix of the target. If empty, the report includes every environment.
        ignore: patterns for names, for `name:version`, and for paths of fields such as `tags.cost`.
            Environments, versions and fields that match a pattern are not reported.
        actual: the state of the target, if the target was already read.

    Raises:
        EnvsyncError: a pattern of `globs` matches no environment, the target cannot be read, or
            there is no project.
        InvalidProject: the settings of the target are not valid for the declared environments.
    """
    config, name = project.config, target.identity.name
    names = _names(project, target, globs)
    if actual is None:
        actual = target.read(names, config.policy.project)
    declared = project.declared_for(name)
    # The report shows what a plan would archive, even if nothing is declared for the target.
    plan = plan_for(project, target, globs, actual=actual, allow_mass_archive=not declared)
    others = of_other_targets(actual.keys() - names, project.declarations, config, name)
    suffix = config.targets[name].scope.suffix if name in config.targets else ""
    known = names | actual.keys() - set(others)
    return drift_report(
        declared,
        actual,
        plan,
        config.policy,
        selected(known, globs, None, suffix=suffix, declarations=declared),
        ignore=ignore,
        suffix=suffix,
    )


def _names(project: Project, target: Target, globs: Sequence[str]) -> set[str]:
    """Returns the names that the target should contain.

    Raises:
        EnvsyncError: a pattern matches no environment, or there is no project.
        InvalidProject: the settings of the target are not valid for the declared environments.
    """
    project.ensure_found()
    declared = project.declared_for(target.identity.name)
    ensure_possible(globs, declared)
    return {declaration.name for declaration in declared}
