"""Finds what was changed in a target since envsync last wrote to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from envsync.api.planning import plan_for
from envsync.plan.drift_report import DriftReport, drift_report
from envsync.plan.selection import ensure_possible, selected
from envsync.project.for_target import of_other_targets
from envsync.project.project import Project

if TYPE_CHECKING:
    from envsync.model.target import Target


def find_drift(
    project: Project, target: Target, globs: Sequence[str] = (), *, ignore: Sequence[str] = ()
) -> DriftReport:
    """Returns what was changed in a target, apart from what was changed in git. Never writes.

    Args:
        project: the project, from `load_project`.
        target: the open target. The target is read once.
        globs: patterns. The report includes only environments whose name matches a pattern, with or
            without the suffix of the target. If empty, the report includes every environment.
        ignore: patterns for names, for `name:version`, and for paths of fields such as `tags.cost`.
            Environments, versions and fields that match a pattern are not reported.

    Raises:
        EnvsyncError: a pattern of `globs` matches no environment, the target cannot be read, or
            there is no project.
        InvalidProject: the settings of the target are not valid for the declared environments.
    """
    project.ensure_found()
    config, name = project.config, target.identity.name
    declared = project.declared_for(name)
    ensure_possible(globs, declared)
    names = {declaration.name for declaration in declared}
    actual = target.read(names, config.policy.project)
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
