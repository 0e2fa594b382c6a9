"""`make_plan`: compares what is declared with what a target holds. A pure function.

It walks the names of both sides once. `_plan_name` decides everything about one name, row by row
of the table in docs/plan.md; what is said about all of them together stands in `make_plan`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

from envsync.model.declaration import Declaration
from envsync.model.environment import Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import EnvsyncError
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion, State
from envsync.model.target import TargetIdentity
from envsync.plan.bump import bump_command
from envsync.plan.change import Action, Change, LatestChange, Rejection
from envsync.plan.compare import match_spec, merge_ignored, metadata_fields, spec_fields
from envsync.plan.guard import mass_archive
from envsync.plan.ownership import is_the_services, not_ours, whose
from envsync.plan.plan import Plan
from envsync.plan.versions import after, latest_falls_back, newest, resolve

Finding: TypeAlias = Change | Rejection | str
"""What planning one name brings up; a string is a warning."""


def make_plan(
    desired: Iterable[Declaration],
    actual: State,
    policy: Policy,
    target: TargetIdentity,
    globs: Sequence[str] = (),
    *,
    only: Collection[str] | None = None,
) -> Plan:
    """The plan that turns the actual state into the desired one.

    Args:
        desired: every declaration of the project, in any order.
        actual: the containers of all declared names, and those in which the project owns something.
        policy: what the plan may do.
        target: which target it is for.
        globs: only names that match one of these; none means all.
        only: of these only names that stand here, whether or not anything is known of them.

    Raises:
        EnvsyncError: a glob matches neither a declared nor an owned environment, or two
            declarations stand for one version.
    """
    declared: dict[str, list[Declaration]] = defaultdict(list)
    for declaration in desired:
        declared[declaration.name].append(declaration)
    owned = {
        container.name: container
        for container in actual.values()
        if any(version.owner == policy.project for version in container.versions)
    }
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
        found = list(_plan_name(container, versions, policy))
        own = [item for item in found if isinstance(item, Change)]
        refused = [item for item in found if isinstance(item, Rejection)]
        then = after(container, own)
        if container.latest != then.latest:
            latest.append(LatestChange(name, container.latest, then.latest))
        changes += own
        rejections += refused
        warnings += [item for item in found if isinstance(item, str)]
        warnings += latest_falls_back(then, own)
        touched = {item.version for item in own} | {item.version for item in refused}
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
        refused=mass_archive(emptied, owned.values(), bool(declared), policy),
    )


def _selected(names: Collection[str], globs: Sequence[str]) -> list[str]:
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            raise EnvsyncError(
                f"'{glob}' matches no declared and no owned environment. "
                "`envsync list` shows what the target holds."
            )
    return sorted(
        name for name in names if not globs or any(fnmatchcase(name, glob) for glob in globs)
    )


def _plan_name(
    container: Container, versions: Mapping[str, Declaration], policy: Policy
) -> Iterator[Finding]:
    """Everything about one name, in the order in which an apply does it."""
    registered = {item.version: item for item in container.versions}
    if is_the_services(container):
        yield from (_curated(container.name, *declared) for declared in versions.items())
        return
    if not versions:
        yield from _undeclared(container, policy)
        return
    if container.archived:
        yield from _reappear(container, versions, policy)
    for version, declaration in versions.items():
        if version in registered:
            yield from _existing(registered[version], declaration, versions, policy)
        else:
            yield _create(container, version, declaration, policy)
    if policy.superseded == "archive" and policy.prune == "owned":
        yield from (
            _archive(item, "superseded: no file declares this version")
            for item in container.active
            if item.version not in versions and item.owner == policy.project
        )


def _undeclared(container: Container, policy: Policy) -> Iterator[Finding]:
    """No file declares the name: what we own is archived, what others own is left alone."""
    ours = [item for item in container.active if item.owner == policy.project]
    others = [item.version for item in container.active if item.owner != policy.project]
    if not ours or policy.prune == "none":
        return
    if not others:
        yield Change(
            Action.ARCHIVE,
            "environment",
            container.name,
            None,
            "no file declares it",
            owner=policy.project,
        )
        return
    yield from (_archive(item, "no file declares it") for item in ours)
    yield f"{container.name}: left alone what is not ours: {', '.join(others)}."


def _reappear(
    container: Container, versions: Mapping[str, Declaration], policy: Policy
) -> Iterator[Finding]:
    """A declared name whose container is archived: restored, without showing anything undeclared.

    `keep_archived` names also what was archived on its own: whether the service restores that with
    its container is not documented.
    """
    undeclared = [item for item in container.versions if item.version not in versions]
    for item in undeclared:
        allowed = item.owner == policy.project or policy.take_over
        if item.archived and (allowed or not container.may_echo):
            continue
        if allowed:
            yield _archive(item, "stays hidden when the name is restored")
        else:
            yield Rejection(
                "foreign-owner",
                container.name,
                item.version,
                f"Restoring {container.name} would show version {item.version}, which "
                f"{whose(item.owner)}.",
                "Declare another name, or pass --take-over to archive that version.",
            )
    yield Change(
        Action.RESTORE,
        "environment",
        container.name,
        None,
        "a file declares it, and it is archived",
        source=next(iter(versions.values())).source,
        keep_archived=tuple(item.version for item in undeclared),
    )


def _existing(
    item: RegisteredVersion, declaration: Declaration, declared: Collection[str], policy: Policy
) -> Iterator[Finding]:
    """A declared version that the target holds."""
    key, spec = item.environment.key, item.environment.spec
    match = match_spec(declaration.spec, item)
    if match == "other":
        yield Rejection(
            "immutable",
            key.name,
            key.version,
            f"{key} is registered with another content, and that is fixed at creation.",
            bump_command(key.name, key.version, alone=len(declared) == 1),
            spec_fields(spec, declaration.spec),
            declaration.source,
        )
        return
    ours = item.owner == policy.project
    if not ours and (rejection := not_ours(item, declaration, match, policy)):
        yield rejection
        return
    if match == "unknown":
        yield f"{key}: whether the build context is the registered one cannot be verified."

    before = item.environment.metadata
    metadata = merge_ignored(before, declaration.metadata, policy.ignore_tags)
    fields = metadata_fields(before, metadata)
    if not fields and ours and not item.archived:
        return
    reasons = (
        "a file declares it, and it is archived" if item.archived else "",
        "metadata differs" if fields else "",
        "" if ours else f"becomes ours: it {whose(item.owner)}",
    )
    yield Change(
        Action.RESTORE if item.archived else Action.UPDATE,
        "version",
        key.name,
        key.version,
        "; ".join(filter(None, reasons)),
        fields,
        declaration.source,
        item.owner,
        Environment(
            key,
            declaration.spec,
            metadata,
            # A content that nobody verified gets no digest: that would be a guess for good.
            _provenance(declaration, policy, declaration.spec.digest if match == "same" else None),
        ),
    )


def _create(container: Container, version: str, declaration: Declaration, policy: Policy) -> Change:
    reason = "not in the target"
    if declaration.version is None and (current := newest(container)):
        reason = f"new content, supersedes {current.version}"
    return Change(
        Action.CREATE,
        "version",
        declaration.name,
        version,
        reason,
        (
            *spec_fields(EnvironmentSpec(), declaration.spec),
            *metadata_fields(Metadata(), declaration.metadata),
        ),
        declaration.source,
        desired=Environment(
            EnvironmentKey(declaration.name, version),
            declaration.spec,
            declaration.metadata,
            _provenance(declaration, policy, declaration.spec.digest),
        ),
    )


def _archive(item: RegisteredVersion, reason: str) -> Change:
    key = item.environment.key
    return Change(Action.ARCHIVE, "version", key.name, key.version, reason, owner=item.owner)


def _curated(name: str, version: str, declaration: Declaration) -> Rejection:
    return Rejection(
        "curated",
        name,
        version,
        f"{name} belongs to the service, which lets nobody change it.",
        "Declare it under a name of your own.",
        source=declaration.source,
    )


def _provenance(declaration: Declaration, policy: Policy, digest: str | None) -> Provenance:
    return Provenance(policy.project, digest, declaration.source.file, policy.commit)
