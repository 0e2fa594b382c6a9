"""The Python API: makes a plan for a target of a project, and applies the plan.

The command line uses the same functions. docs/api.md describes the public functions.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from envsync.git.checked_out import ensure_checked_out
from envsync.model.errors import EnvsyncError
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan import planner
from envsync.plan.apply import apply
from envsync.plan.change import Action
from envsync.plan.options import Options
from envsync.plan.outcome import Outcome, unverified
from envsync.plan.plan import Plan
from envsync.project.for_target import of_other_targets, useless_patterns
from envsync.project.left_out import left_out
from envsync.project.project import Project
from envsync.targets.connection import Connection
from envsync.targets.kinds import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from envsync.model.target import Target


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of reading the target again after an apply.

    Attributes:
        unverified: addresses of changes that are done, but that the target does not show. If the
            target could not be read again, every change that is done is unverified.
        error: why the target could not be read again. None if the target was read.
    """

    unverified: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of applying a plan.

    Attributes:
        outcomes: one outcome for each change, in the order in which the changes ended.
        unverified: addresses of changes that are done, but that the target does not show. If the
            target could not be read again, every change that is done is unverified. None with
            `verify=False`.
        verification_error: why the target could not be read again. None if the target was read,
            or with `verify=False`.
    """

    outcomes: tuple[Outcome, ...]
    unverified: tuple[str, ...] | None
    verification_error: str | None = None

    @property
    def ok(self) -> bool:
        """True if every change is done and no change is unverified."""
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
    """Returns the plan that makes a target match a project. Never writes to the target.

    Args:
        project: the project, from `load_project`.
        target: the name of the target in `envsync.yaml`. If None, the default target is used.
        globs: patterns. The plan includes only environments whose name matches one of them, with or
            without the suffix of the target. If empty, the plan includes every environment.
        since: a git commit. If set, the plan includes only environments whose files changed since
            this commit.
        take_over: if True, the plan takes ownership of declared versions that belong to another
            project.
        allow_mass_archive: if True, the plan can archive any number of environments.

    Raises:
        EnvsyncError: the project declares no environment, a pattern matches no environment, the
            target is unknown or cannot be read, or git cannot determine which files changed.
        InvalidProject: the settings of the target do not fit the declared environments.
    """
    config = project.config.target(target)
    only = None if since is None else changed_names(project, since, config.name)
    with closing(open_target(config, project.config.root)) as opened:
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
    """Returns the plan for an open target.

    Args:
        project: the project, from `load_project`.
        target: the open target. It is not read if `only` is empty.
        globs: patterns. The plan includes only environments whose name matches one of them, with or
            without the suffix of the target. If empty, the plan includes every environment.
        only: names. If not None, the plan includes only environments with these names.
        commit: the git commit that an apply writes into the tag `envsync.commit`.
        take_over: if True, the plan takes ownership of declared versions that belong to another
            project.
        allow_mass_archive: if True, the plan can archive any number of environments.

    Raises:
        EnvsyncError: the project declares no environment, a pattern matches no environment, or the
            target cannot be read.
        InvalidProject: the settings of the target do not fit the declared environments.
    """
    config = project.config
    name = target.identity.name
    if config.has_default_project:
        # Importing git is slow, and most projects have a name.
        from envsync.git.proposal import ensure_project

        ensure_project(config, name)
    ensure_checked_out(project)
    declared = project.declared_for(name)
    # The files are not necessarily deleted: if a directory or a setting is wrong, envsync finds no
    # file.
    if not project.declarations and not allow_mass_archive:
        below = ", ".join(f"{directory}/" for directory in config.environments)
        raise EnvsyncError(
            f"There is no environment file below {below}. The plan would archive "
            "every environment of the project. To allow this, pass --allow-mass-archive."
        )
    policy = replace(
        config.policy, take_over=take_over, allow_mass_archive=allow_mass_archive, commit=commit
    )
    if project.declarations and not declared and not allow_mass_archive:
        raise EnvsyncError(
            f"The settings of the target '{name}' leave out every environment. Correct `include` "
            "and `exclude` of the target, or pass --allow-mass-archive."
        )
    options = Options(
        globs=tuple(globs),
        names=None if only is None else tuple(sorted(only)),
        take_over=take_over,
        allow_mass_archive=allow_mass_archive,
    )
    # Reading a target in Azure takes seconds and needs a login. Avoid this for an empty selection.
    if only is not None and not only:
        return Plan(policy.project, target.identity, options=options)
    # Also read versions that the project owns but no longer declares, because the plan can archive
    # them.
    names = {declaration.name for declaration in declared}
    actual = target.read(names, policy.project)
    others = of_other_targets(actual.keys() - names, project.declarations, config, name)
    suffix = config.targets[name].scope.suffix if name in config.targets else ""
    make = partial(
        planner.make_plan,
        declared,
        {key: container for key, container in actual.items() if key not in others},
        policy,
        target=target.identity,
        globs=globs,
        only=only,
        suffix=suffix,
    )
    plan = make()
    archived = {change.name for change in plan.changes if change.action is Action.ARCHIVE}
    if archived:
        # Look for the files of versions only if the plan archives something, because git is slow.
        from envsync.git.proof import still_there

        ours = [
            version
            for key in archived
            for version in actual[key].versions
            if version.owner == policy.project
        ]
        plan = make(
            still_there=still_there(project, ours, suffix),
            left_out=left_out(project, name, ours),
        )
    warnings = (*plan.warnings, *useless_patterns(project.declarations, config, name))
    return replace(plan, warnings=warnings, options=options)


def changed_names(project: Project, ref: str, target: str | None = None) -> frozenset[str]:
    """Returns the names of environments whose files were changed or deleted since a git commit.

    Args:
        project: the project, from `load_project`.
        ref: the commit, in any form that git resolves.
        target: the name of a target. If set, the names in this target are returned, and a change of
            the target's settings counts as a change of its environments.

    Raises:
        GitError: the project is not in a repository, or the commit does not exist.
    """
    # Importing git is slow, and most plans need no commit.
    from envsync.git.changed import changed_since

    return changed_since(project, ref, target)


def provenance(project: Project) -> str | None:
    """Returns the value of the tag `envsync.commit`.

    The value is the current commit, with `-dirty` if the files differ from the commit. Returns None
    if the commit contains no environments of the project, or if git fails.
    """
    from envsync.git.changed import current_commit

    return current_commit(project)


def plan_with(
    project: Project, target: Target, options: Options, *, commit: str | None = None
) -> Plan:
    """Returns the plan for an open target, made with the options of another plan.

    Raises the same exceptions as `plan_for`.
    """
    return plan_for(
        project,
        target,
        options.globs,
        only=options.names,
        commit=commit,
        take_over=options.take_over,
        allow_mass_archive=options.allow_mass_archive,
    )


def apply_plan(
    project: Project,
    plan: Plan,
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    verify: bool = True,
) -> Applied:
    """Makes the plan again, and applies the new plan if each of its changes was approved.

    The changes of the given plan are approved. The new plan has fewer changes if some of them were
    already made, for example by an earlier apply that was interrupted.

    The plan is made again with the arguments that the given plan was made with: `plan.options`.

    If a change fails, no exception is raised: the outcome of the change contains the error. If the
    target cannot be read after the writes, no exception is raised either: see
    `Applied.verification_error`.

    Args:
        project: the project, from `load_project`.
        plan: the approved plan, from `make_plan` or from a file.
        parallel: the maximum number of concurrent changes and requests.
        skip_rejected: if True, names with a rejection are left out. If False, a plan with
            rejections is refused.
        verify: if True, the target is read again after the writes.

    Raises:
        PlanRefused: the new plan has a change that is not in the given plan, has rejections or
            archives too much. Nothing was changed.
        EnvsyncError: the target cannot be read before the writes. Nothing was changed.
    """
    config = project.config
    connection = Connection(parallel=parallel)
    commit = provenance(project)
    options = plan.options or Options()
    with closing(open_target(config.target(plan.target.name), config.root, connection)) as target:

        def fresh() -> Plan:
            return plan_with(project, target, options, commit=commit)

        # A plan from a file has no build contexts and no specs. Only the new plan can be applied.
        current = fresh()
        current.ensure_approved(plan.digest, plan.fingerprints.values())
        outcomes: list[Outcome] = []
        verification: Verification | None = None
        for item in apply_and_verify(
            current,
            target,
            fresh,
            parallel=parallel,
            skip_rejected=skip_rejected,
            verify=verify,
        ):
            if isinstance(item, Verification):
                verification = item
            else:
                outcomes.append(item)
    if verification is None:
        return Applied(tuple(outcomes), None)
    return Applied(tuple(outcomes), verification.unverified, verification.error)


def apply_and_verify(
    plan: Plan,
    target: Target,
    plan_again: Callable[[], Plan],
    *,
    parallel: int = DEFAULT_PARALLEL,
    skip_rejected: bool = False,
    verify: bool = True,
    stop: Callable[[], bool] = lambda: False,
    waiting: Callable[[Collection[str]], None] = lambda _names: None,
) -> Generator[Outcome | Verification, None, None]:
    """Applies a plan to an open target. Yields each outcome, and then one `Verification`.

    If the target cannot be read after the writes, no exception is raised: the `Verification` says
    why.

    Args:
        plan: the plan, from `plan_for`. A plan that was read from JSON cannot be applied.
        target: the target that the plan is for.
        plan_again: a function that reads the target, and returns a plan made with the same
            arguments as `plan`.
        parallel: the maximum number of concurrent changes.
        skip_rejected: if True, names with a rejection are left out. If False, a plan with
            rejections is refused.
        verify: if False, the target is not read again and no `Verification` is yielded.
        stop: a function that is called before each change. Once the function returns True, the
            remaining changes are skipped and no `Verification` is yielded.
        waiting: a function that is called while lists of the target are stale. Its argument
            contains the names of the environments whose changes are not in the lists yet.

    Raises:
        PlanRefused: the plan has rejections, or archives too much. Nothing was changed.
    """
    outcomes: list[Outcome] = []
    for outcome in apply(
        plan,
        target,
        parallel=parallel,
        skip_rejected=skip_rejected,
        stop=stop,
        clock=time.monotonic,
    ):
        outcomes.append(outcome)
        yield outcome
    if verify and not stop():
        yield _verification(outcomes, target, plan_again, waiting=waiting)


def _verification(
    outcomes: Sequence[Outcome],
    target: Target,
    plan_again: Callable[[], Plan],
    *,
    waiting: Callable[[Collection[str]], None],
) -> Verification:
    try:
        # Lists of Azure ML are eventually consistent. Without waiting, the new plan could be based
        # on a stale list.
        target.settle(waiting)
        return Verification(unverified(outcomes, plan_again()))
    except EnvsyncError as error:
        # The changes are already written. An exception here would lose the outcomes of all changes.
        done = tuple(item.change.address for item in outcomes if item.status == "done")
        return Verification(done, str(error))
