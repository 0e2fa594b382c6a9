"""The Python API: make a plan for one of the targets of a loaded project, apply it.

The command line does nothing that these functions cannot do; docs/api.md shows them at work.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from envsync.model.errors import EnvsyncError
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan import planner
from envsync.plan.apply import apply
from envsync.plan.outcome import Outcome, unverified
from envsync.plan.plan import Plan
from envsync.project.project import Project
from envsync.targets.connection import Connection
from envsync.targets.kinds import open_target

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from envsync.model.target import Target


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan.

    Attributes:
        outcomes: one for each change, in the order in which they ended.
        unverified: addresses of changes that were done, and that the target does not show; None
            where nobody looked.
    """

    outcomes: tuple[Outcome, ...]
    unverified: tuple[str, ...] | None

    @property
    def ok(self) -> bool:
        """Whether every change was done, and shows."""
        return not self.unverified and all(item.status == "done" for item in self.outcomes)


def make_plan(
    project: Project,
    target: str | None = None,
    globs: Sequence[str] = (),
    *,
    since: str | None = None,
    take_over: bool = False,
    allow_mass_archive: bool = False,
) -> Plan:
    """What an apply would do to a target. Never writes.

    Args:
        project: as `load_project` returned it.
        target: its name in `envsync.yaml`; the default target where none is given.
        globs: only environments whose name matches one of these.
        since: of these only environments whose files changed since this git commit.
        take_over: makes versions that belong to another project ours.
        allow_mass_archive: turns off the guards against archiving too much.

    Raises:
        EnvsyncError: nothing is declared, a glob matches nothing, the target is not known or cannot
            be read, or git cannot tell what changed.
    """
    only = None if since is None else changed_names(project, since)
    with closing(open_target(project.config.target(target), project.config.root)) as opened:
        return plan_for(
            project,
            opened,
            globs,
            only=only,
            take_over=take_over,
            allow_mass_archive=allow_mass_archive,
        )


def plan_for(
    project: Project,
    target: Target,
    globs: Sequence[str] = (),
    *,
    only: Collection[str] | None = None,
    commit: str | None = None,
    take_over: bool = False,
    allow_mass_archive: bool = False,
) -> Plan:
    """`make_plan` for a target that is open already.

    Args:
        project: as `load_project` returned it.
        target: is read, unless `only` is empty.
        globs: only environments whose name matches one of these.
        only: of these only environments of these names; None for all.
        commit: what `envsync.commit` is to say on what is written.
        take_over: makes versions that belong to another project ours.
        allow_mass_archive: turns off the guards against archiving too much.
    """
    config = project.config
    if not project.declarations and not allow_mass_archive:
        raise EnvsyncError(
            f"There is no environment file below {config.environments}/. A plan from nothing would "
            "archive everything; if that is meant, pass --allow-mass-archive."
        )
    policy = replace(
        config.policy, take_over=take_over, allow_mass_archive=allow_mass_archive, commit=commit
    )
    if only is not None and not only:
        return Plan(policy.project, target.identity)
    names = {declaration.name for declaration in project.declarations}
    actual = target.read(names, policy.project)
    return planner.make_plan(
        project.declarations, actual, policy, target.identity, globs, only=only
    )


def changed_names(project: Project, ref: str) -> frozenset[str]:
    """The names of environments whose files changed since a git commit, or are gone.

    Raises:
        GitError: there is no such commit.
    """
    from envsync.git.changed import changed_since

    return changed_since(project, ref)


def provenance(project: Project) -> str | None:
    """What `envsync.commit` is to say: the commit, with `-dirty` where the files differ from it."""
    from envsync.git.changed import current_commit

    return current_commit(project)


def apply_plan(
    project: Project,
    plan: Plan,
    globs: Sequence[str] = (),
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    verify: bool = True,
    take_over: bool = False,
    allow_mass_archive: bool = False,
) -> Applied:
    """Plans again, and carries the plan out if it is still the one given.

    The plan may come from `make_plan` or from a file; `globs`, `take_over` and
    `allow_mass_archive` must be what it was made with.

    Raises:
        PlanRefused: the plan is stale, has rejections or archives too much. Nothing was changed.
        EnvsyncError: the target cannot be read. Single changes that fail are outcomes, not errors.
    """
    config = project.config
    connection = Connection(parallel=parallel)
    commit = provenance(project)
    with closing(open_target(config.target(plan.target.name), config.root, connection)) as target:

        def fresh() -> Plan:
            return plan_for(
                project,
                target,
                globs,
                commit=commit,
                take_over=take_over,
                allow_mass_archive=allow_mass_archive,
            )

        current = fresh()
        current.ensure_approved(plan.digest)
        outcomes = tuple(apply(current, target, parallel=parallel, skip_rejected=skip_rejected))
        if not verify:
            return Applied(outcomes, None)
        target.settle(lambda _names: None)
        return Applied(outcomes, unverified(outcomes, fresh()))
