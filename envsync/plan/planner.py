"""`make_plan`: makes the plan that turns the actual state of a target into the desired state.

The function is pure: it uses no clock, file or network, so equal arguments give equal plans. It
plans all declared names, and all names of which the project owns a version. `decisions` plans each
name separately. `make_plan` adds the changes of `@latest`, and the guard, which counts all names.
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
    suffix: str = "",
) -> Plan:
    """Returns the plan that turns the actual state into the desired state.

    Args:
        desired: every declaration of the project, in any order.
        actual: the containers of all declared names, and all containers in which the project owns a
            version. Other containers are ignored.
        policy: what the plan may do.
        target: the target that the plan is for.
        globs: patterns. The plan is limited to names that match one of them. If empty, every name
            is planned.
        only: names. If not None, the plan is limited to these names as well. Unlike globs, `only`
            may contain unknown names.
        suffix: the text that the target adds to every declared name. A glob matches a name with or
            without it.

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
    names = _selected(declared.keys() | owned.keys(), globs, suffix)
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

        # `@latest` is computed from all changes of a name, including changes that a rejection holds
        # back: the plan shows the state that the files declare.
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
        # The guard counts all owned environments, even if `globs` selects only a few. In a small
        # selection, a single archive would exceed the percentage.
        refused=mass_archive(
            emptied, owned.values(), anything_declared=bool(declared), policy=policy
        ),
    )


def _selected(names: Collection[str], globs: Sequence[str], suffix: str) -> list[str]:
    """Returns the names that match a glob, sorted. Without globs, all names are returned."""
    for glob in globs:
        # A misspelt name would otherwise give an empty plan, which looks like success.
        if not any(_matches(name, glob, suffix) for name in names):
            raise EnvsyncError(
                f"No declared or owned environment matches '{glob}'. "
                "Run `envsync list` to see the environments in the target."
            )
    return sorted(
        name for name in names if not globs or any(_matches(name, glob, suffix) for glob in globs)
    )


def _matches(name: str, glob: str, suffix: str) -> bool:
    return fnmatchcase(name, glob) or fnmatchcase(name.removesuffix(suffix), glob)
