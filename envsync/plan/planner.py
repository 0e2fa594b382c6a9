"""`make_plan`: makes the plan that turns the actual state of a target into the desired state.

`make_plan` is pure: it uses no clock, file or network, so equal arguments give equal plans.
`make_plan` plans all declared names, and all names with a version that the project owns.
`decisions` plans each name separately. Then `make_plan` adds the changes of `@latest`, and passes
the changes of all names to the guard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from types import MappingProxyType

from msgspec import Struct

from envsync.model.declaration import Declaration
from envsync.model.policy import Policy
from envsync.model.state import Container, State
from envsync.model.target import TargetIdentity
from envsync.plan.archives import LeftOut, StillThere
from envsync.plan.before import with_before
from envsync.plan.change import Action, Change, LatestChange, Rejection
from envsync.plan.compare import is_contradicted
from envsync.plan.decisions import decisions
from envsync.plan.guard import mass_archive
from envsync.plan.in_use import NO_REFERENCES, References, without_refused
from envsync.plan.ownership import unmarked
from envsync.plan.plan import Plan
from envsync.plan.selection import selected
from envsync.plan.versions import container_after, latest_warnings, registered, resolve


def make_plan(
    desired: Iterable[Declaration],
    actual: State,
    policy: Policy,
    target: TargetIdentity,
    globs: Sequence[str] = (),
    *,
    only: Collection[str] | None = None,
    still_there: StillThere = MappingProxyType({}),
    left_out: LeftOut = MappingProxyType({}),
    references: References = NO_REFERENCES,
    suffix: str = "",
) -> Plan:
    """Returns the plan that turns the actual state into the desired state.

    Args:
        desired: every declaration of the project, in any order.
        actual: the containers of all declared names, and all containers in which the project owns a
            version. Other containers are ignored.
        policy: what the plan is allowed to do.
        target: the target that the plan is for.
        globs: patterns. The plan is limited to names that match at least one pattern. If empty,
            every name is planned.
        only: names. If not None, the plan is limited to these names. Unlike globs, `only` can
            contain unknown names.
        still_there: files that exist, but were not read as environment files, each with the reason.
            A version that was declared in one of these files is not archived.
        left_out: names and files that the settings leave out on purpose, each with the reason.
            `left_out` changes only the reasons that the plan shows.
        references: the uses of environments in files of the repository. An environment that a file
            uses is not archived.
        suffix: the text that the target adds to every declared name. A glob matches a name with or
            without the suffix.

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
    # Owned names that no file declares are planned as well, because the plan can archive them.
    names = declared.keys() | owned.keys()
    chosen = selected(
        names,
        globs,
        only,
        suffix=suffix,
        declarations=[item for group in declared.values() for item in group],
    )
    everything = {
        name: _plan_name(
            actual.get(name, Container(name)),
            declared[name],
            policy,
            still_there,
            left_out,
            references=references,
            suffix=suffix,
        )
        for name in sorted(names)
    }
    parts = [everything[name] for name in chosen]
    changes = tuple(change for part in parts for change in part.changes)
    refused = None
    if any(change.action is Action.ARCHIVE for change in changes):
        # The guard counts what the whole project would archive, even if only some names are
        # selected. Otherwise, several small plans could archive what the guard forbids in a single
        # plan.
        refused = mass_archive(
            [change for part in everything.values() for change in part.changes],
            {name for name, part in everything.items() if part.after is None},
            owned.values(),
            anything_declared=any(declared.values()),
            policy=policy,
        )
    return Plan(
        project=policy.project,
        target=target,
        changes=changes,
        rejections=tuple(rejection for part in parts for rejection in part.rejections),
        latest=tuple(
            # A name that gets its first version is left out, because nobody has used its @latest
            # yet.
            LatestChange(
                name, everything[name].before, everything[name].after, references.of_latest(name)
            )
            for name in chosen
            if everything[name].before not in (None, everything[name].after)
        ),
        warnings=tuple(warning for part in parts for warning in part.warnings),
        unchanged=sum(part.unchanged for part in parts),
        refused=refused,
    )


class _NamePlan(Struct, frozen=True):
    """The part of a plan that concerns one name.

    Attributes:
        before: the version that `@latest` refers to before the changes. None if no version is
            active.
        after: the version that `@latest` refers to after the changes.
        unchanged: the number of declared versions that need no change.
    """

    changes: tuple[Change, ...]
    rejections: tuple[Rejection, ...]
    warnings: tuple[str, ...]
    before: str | None
    after: str | None
    unchanged: int


def _plan_name(
    container: Container,
    declarations: Sequence[Declaration],
    policy: Policy,
    still_there: StillThere,
    left_out: LeftOut,
    *,
    references: References,
    suffix: str,
) -> _NamePlan:
    is_derived = policy.versions == "content" and any(item.version is None for item in declarations)
    versions = resolve(declarations, container, policy)
    decided = list(decisions(container, versions, policy, still_there, left_out))
    planned = [item for item in decided if isinstance(item, Change)]
    planned += filter(None, [unmarked(container, planned, policy)])
    allowed, refused, warnings = without_refused(planned, container, policy, references, suffix)
    changes = with_before(allowed, container)
    rejections = (*(item for item in decided if isinstance(item, Rejection)), *refused)
    sentences = [item for item in decided if isinstance(item, str)]
    # `@latest` is computed from all changes of a name, including changes that a rejection holds
    # back, because the plan shows the state that the files declare.
    following = container_after(container, changes)
    touched = {item.version for item in changes} | {item.version for item in rejections}
    # A version whose tag and hash contradict each other does not count as unchanged. Such a version
    # is rejected or has a warning, so most names need no comparison here.
    if sentences:
        touched |= {
            version
            for version, item in registered(container, versions).items()
            if is_contradicted(versions[version].spec, item)
        }
    return _NamePlan(
        changes=changes,
        rejections=rejections,
        warnings=(
            *sentences,
            *warnings,
            *latest_warnings(container, changes, versions, policy, ordered=not is_derived),
        ),
        before=container.latest,
        after=following.latest,
        unchanged=len(versions.keys() - touched),
    )
