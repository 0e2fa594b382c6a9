"""`make_plan`: the plan that turns the actual state of a target into the desired state.

A pure function: it reads no clock, no file and no network, so equal arguments give equal plans. It
lists the names to plan: all declared names, and all names of which the project owns a version.
`decisions` plans each name on its own. `make_plan` adds what concerns all names: the guard, and
what `@latest` will refer to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.model.policy import Policy
from envsync.model.state import Container, State
from envsync.model.target import TargetIdentity
from envsync.plan.change import Change, LatestChange, Rejection
from envsync.plan.decisions import decisions
from envsync.plan.guard import mass_archive
from envsync.plan.plan import Plan
from envsync.plan.versions import container_after, latest_falls_back, resolve


def make_plan(
    desired: Iterable[Declaration],
    actual: State,
    policy: Policy,
    target: TargetIdentity,
    globs: Sequence[str] = (),
    *,
    only: Collection[str] | None = None,
) -> Plan:
    """The plan that turns the actual state into the desired state.

    Args:
        desired: every declaration of the project, in any order.
        actual: the containers of all declared names, and all containers in which the project owns a
            version. Other containers may be present; they are ignored.
        policy: what the plan may do.
        target: the target that the plan is for.
        globs: the plan is limited to names that match one of these patterns; empty for no limit.
        only: the plan is limited to these names as well; None for no limit. Unlike a glob, a name
            here may be unknown.

    Raises:
        EnvsyncError: a glob matches neither a declared nor an owned environment, or two files
            declare the same version.
    """
    declared: dict[str, list[Declaration]] = defaultdict(list)
    for declaration in desired:
        declared[declaration.name].append(declaration)
    owned = {
        container.name: container
        for container in actual.values()
        if any(version.owner == policy.project for version in container.versions)
    }
    # Owned names that no file declares are planned as well: they may have to be archived.
    names = _selected(declared.keys() | owned.keys(), globs)
    if only is not None:
        names = [name for name in names if name in only]

    changes: list[Change] = []
    rejections: list[Rejection] = []
    warnings: list[str] = []
    latest: list[LatestChange] = []
    unchanged = 0
    for name in names:
        container = actual.get(name, Container(name))
        versions = resolve(declared.get(name, []), container, policy.project)
        decided = list(decisions(container, versions, policy))
        own_changes = [item for item in decided if isinstance(item, Change)]
        own_rejections = [item for item in decided if isinstance(item, Rejection)]
        changes += own_changes
        rejections += own_rejections
        warnings += [item for item in decided if isinstance(item, str)]

        # `@latest` is computed from all changes of a name, also from those that a rejection holds
        # back: the plan shows what the files ask for.
        following = container_after(container, own_changes)
        if container.latest != following.latest:
            latest.append(LatestChange(name, container.latest, following.latest))
        warnings += latest_falls_back(following, own_changes)

        touched = {item.version for item in own_changes} | {item.version for item in own_rejections}
        unchanged += len(versions.keys() - touched)

    emptied = {item.name for item in latest if item.after is None}
    return Plan(
        project=policy.project,
        target=target,
        changes=tuple(changes),
        rejections=tuple(rejections),
        latest=tuple(latest),
        warnings=tuple(warnings),
        unchanged=unchanged,
        # The guard counts all owned environments, not only the selected ones: a percentage of a
        # selection would say nothing.
        refused=mass_archive(
            emptied, owned.values(), anything_declared=bool(declared), policy=policy
        ),
    )


def _selected(names: Collection[str], globs: Sequence[str]) -> list[str]:
    """The names that match a glob, sorted. All names if there is no glob."""
    for glob in globs:
        # A misspelt name would otherwise give an empty plan, which looks like success.
        if not any(fnmatchcase(name, glob) for name in names):
            raise EnvsyncError(
                f"'{glob}' matches no declared and no owned environment. "
                "`envsync list` shows the environments in the target."
            )
    return sorted(
        name for name in names if not globs or any(fnmatchcase(name, glob) for glob in globs)
    )
