"""Makes the plan for a target of a project."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.git.checked_out import ensure_checked_out
from envsync.model.errors import EnvsyncError, GitError
from envsync.plan import planner
from envsync.plan.change import Action
from envsync.plan.in_use import References
from envsync.plan.options import Options
from envsync.plan.plan import Plan
from envsync.plan.selection import ensure_possible
from envsync.project.for_target import of_other_targets, useless_patterns
from envsync.project.left_out import left_out
from envsync.project.project import Project
from envsync.targets.kinds import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from envsync.git.references import FoundReferences
    from envsync.model.state import State
    from envsync.model.target import Target


def make_plan(
    project: Project,
    target: str | None = None,
    globs: Sequence[str] = (),
    *,
    since: str | None = None,
    take_over: bool = False,
    allow_mass_archive: bool = False,
    allow_in_use: bool = False,
) -> Plan:
    """Returns the plan that makes a target match a project. Never writes to the target.

    Args:
        project: the project, from `load_project`.
        target: the name of the target in `envsync.yaml`. If None, the default target is used.
        globs: patterns. The plan includes only environments whose name matches a pattern, with or
            without the suffix of the target. If empty, the plan includes every environment.
        since: a git commit. If set, the plan includes only environments whose files changed since
            this commit.
        take_over: if True, the plan takes ownership of declared versions that belong to another
            project.
        allow_mass_archive: if True, the plan can archive any number of environments.
        allow_in_use: if True, the plan can archive what files of the repository use.

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
            allow_in_use=allow_in_use,
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
    allow_in_use: bool = False,
    found: FoundReferences | None = None,
    actual: State | None = None,
) -> Plan:
    """Returns the plan for an open target.

    Args:
        project: the project, from `load_project`.
        target: the open target. If `only` is an empty collection, the target is not read.
        globs: patterns. The plan includes only environments whose name matches a pattern, with or
            without the suffix of the target. If empty, the plan includes every environment.
        only: names. If not None, the plan includes only environments with these names.
        commit: the git commit that an apply writes into the tag `envsync.commit`.
        take_over: if True, the plan takes ownership of declared versions that belong to another
            project.
        allow_mass_archive: if True, the plan can archive any number of environments.
        allow_in_use: if True, the plan can archive what files of the repository use.
        found: the references of the repository. If None, the files of the repository are searched,
            if the plan needs the references.
        actual: the state of the target, if the target was already read. If None, the target is
            read.

    Raises:
        EnvsyncError: the project declares no environment, a pattern matches no environment, or the
            target cannot be read.
        InvalidProject: the settings of the target do not fit the declared environments.
    """
    config = project.config
    name = target.identity.name
    if config.has_default_project:
        # `envsync.git` is imported only here, because the import is slow and most projects set
        # `project`.
        from envsync.git.proposal import ensure_project

        ensure_project(config, name)
    ensure_checked_out(project)
    declared = project.declared_for(name)
    # If envsync finds no file, the files are not necessarily deleted: a directory or a setting can
    # be wrong.
    if not project.declarations and not allow_mass_archive:
        raise _nothing_found(project)
    policy = replace(
        config.policy,
        take_over=take_over,
        allow_mass_archive=allow_mass_archive,
        allow_in_use=allow_in_use,
        commit=commit,
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
        allow_in_use=allow_in_use,
    )
    # Do not read the target for an empty selection, because reading a target in Azure takes seconds
    # and needs a login.
    if only is not None and not only:
        return Plan(policy.project, target.identity, options=options)
    ensure_possible(globs, declared)
    names = {declaration.name for declaration in declared}
    suffix = config.targets[name].scope.suffix if name in config.targets else ""

    def planner_of(state: State) -> Callable[..., Plan]:
        others = of_other_targets(state.keys() - names, project.declarations, config, name)
        return partial(
            planner.make_plan,
            declared,
            {key: container for key, container in state.items() if key not in others},
            policy,
            target=target.identity,
            globs=globs,
            only=only,
            suffix=suffix,
        )

    if actual is None and only is not None and not globs:
        # The other environments matter only to the guard, which counts what the whole project would
        # archive.
        state = target.read(only)
        if not any(change.action is Action.ARCHIVE for change in planner_of(state)().changes):
            actual = state
    if actual is None:
        # Also read versions that the project owns but no longer declares, because the plan can
        # archive them.
        actual = target.read(names, policy.project)
    make = planner_of(actual)
    plan = make()
    warnings: list[str] = []
    # Reading the files of a repository takes time, and most plans need no references.
    if plan.latest or any(change.action is Action.ARCHIVE for change in plan.changes):
        if found is None:
            from envsync.git.references import references_of

            found = references_of(project)
        make = partial(make, references=References.of(found.references, target.identity))
        warnings += filter(None, [found.warning])
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
    elif plan.latest:
        plan = make()
    warnings = [*plan.warnings, *warnings, *useless_patterns(project.declarations, config, name)]
    return replace(plan, warnings=tuple(warnings), options=options)


def _nothing_found(project: Project) -> EnvsyncError:
    """Returns the error for a project without environment files.

    Raises:
        EnvsyncError: the project has neither environment files nor a settings file.
    """
    project.ensure_found()
    config = project.config
    message = f"There is no environment file below {_listed(config.environments)}"
    if missing := project.missing_directories:
        settings = config.path.name if config.path else "envsync.yaml"
        message = (
            f"{_listed(missing)} in `environments` of {settings} is not a directory, so there is "
            "no environment file. Correct the name, or restore the directory"
        )
    if config.policy.prune == "none":
        consequence = "With `prune: none`, nothing is archived, so there is nothing to plan."
    elif missing:
        consequence = (
            "If you have deleted every environment file on purpose, pass --allow-mass-archive to "
            "archive every environment of the project."
        )
    else:
        consequence = (
            "The plan would archive every environment of the project. To allow this, pass "
            "--allow-mass-archive."
        )
    return EnvsyncError(f"{message}. {consequence}")


def _listed(directories: Sequence[str]) -> str:
    return ", ".join(f"`{directory}`" for directory in directories)


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
    # `envsync.git` is imported only here, because the import is slow and most plans need no commit.
    from envsync.git.changed import changed_since

    return changed_since(project, ref, target)


def provenance(project: Project) -> str | None:
    """Returns the value of the tag `envsync.commit`.

    The value is the current commit, with `-dirty` if the files differ from the commit. Returns None
    if the commit contains no environments of the project, or if git fails.
    """
    from envsync.git.changed import current_commit

    try:
        return current_commit(project)
    except GitError:
        return None


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
        allow_in_use=options.allow_in_use,
    )
