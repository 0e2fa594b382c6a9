"""Makes the plan for a target of a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from envsync.api.plan_draft import PlanDraft, draft_plan
from envsync.api.several import one_line, open_each, read_each
from envsync.model.errors import EnvsyncError, GitError
from envsync.plan.options import Options
from envsync.plan.plan import Plan
from envsync.project.project import Project
from envsync.targets.connection import Advance, Connection
from envsync.targets.kinds import open_target

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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
        allow_in_use: if True, the plan can archive environments that files of the repository use.

    Raises:
        EnvsyncError: the project declares no environment, a pattern matches no environment, the
            target is unknown or cannot be read, or git cannot determine which files changed.
        InvalidProject: the settings of the target are not valid for the declared environments.
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
        allow_in_use: if True, the plan can archive environments that files of the repository use.
        found: the references of the repository. If None, envsync searches the files of the
            repository, but only if the plan needs the references.
        actual: the state of the target, if the target was already read. If None, the target is
            read.

    Raises:
        EnvsyncError: the project declares no environment, a pattern matches no environment, or the
            target cannot be read.
        InvalidProject: the settings of the target are not valid for the declared environments.
    """
    draft = draft_plan(
        project,
        target.identity,
        globs,
        only=only,
        commit=commit,
        take_over=take_over,
        allow_mass_archive=allow_mass_archive,
        allow_in_use=allow_in_use,
    )
    return draft.plan(draft.read(target) if actual is None else actual, found)


def plan_each(
    project: Project,
    targets: Collection[str],
    globs: Sequence[str] = (),
    *,
    since: str | None = None,
    take_over: bool = False,
    allow_mass_archive: bool = False,
    allow_in_use: bool = False,
    connection: Callable[[str], Connection] = lambda _name: Connection(),
    advance: Advance = lambda _done, _total: None,
) -> tuple[dict[str, Plan], dict[str, str]]:
    """Returns the plan for each target, and the error message of each target without a plan.

    The targets are read at the same time. Never writes to a target.

    Args:
        project: the project, from `load_project`.
        targets: the names of the targets in `envsync.yaml`.
        globs: as for `make_plan`.
        since: as for `make_plan`.
        take_over: as for `make_plan`.
        allow_mass_archive: as for `make_plan`.
        allow_in_use: as for `make_plan`.
        connection: a function that returns the settings of the connection for a target.
        advance: a function that is called with the number of targets that are read, and the number
            of all targets.

    Raises:
        EnvsyncError: no target has a plan, and the reason is the same for all targets.
    """
    drafts: dict[str, PlanDraft] = {}
    plans: dict[str, Plan] = {}
    errors: dict[str, EnvsyncError] = {}
    with ExitStack() as stack:
        opened, unreadable = open_each(project, targets, connection, stack)
        for name, target in opened.items():
            with _noting(errors, name):
                drafts[name] = draft_plan(
                    project,
                    target.identity,
                    globs,
                    only=None if since is None else changed_names(project, since, name),
                    take_over=take_over,
                    allow_mass_archive=allow_mass_archive,
                    allow_in_use=allow_in_use,
                )
        states, unread = read_each(
            {name: partial(draft.read, opened[name]) for name, draft in drafts.items()}, advance
        )
        for name, state in states.items():
            with _noting(errors, name):
                plans[name] = drafts[name].plan(state)
    failed = unreadable | unread | {name: one_line(error) for name, error in errors.items()}
    # If all targets have the same error, the project or the arguments cause the error.
    if errors and not plans and len(set(failed.values())) == 1:
        raise next(iter(errors.values()))
    return plans, {name: failed[name] for name in targets if name in failed}


@contextmanager
def _noting(errors: dict[str, EnvsyncError], name: str) -> Iterator[None]:
    """Adds an expected error of the block to `errors`."""
    try:
        yield
    except EnvsyncError as error:
        errors[name] = error


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
