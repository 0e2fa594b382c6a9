"""`DriftReport`: what was changed in one target since envsync last wrote to it.

A spec cannot drift, because Azure ML does not change the spec of a registered version. These parts
of a version can drift:

- The description and the tags. `drift.py` tells edits apart from changes in git.
- The archived state of a declared version, or of its whole environment.
- The owner, which is a tag. If an environment lists the project as an owner, but the project owns
  none of its versions, somebody deleted the project's versions or changed their owner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.canonical import JSON
from envsync.model.declaration import Declaration
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion, State
from envsync.model.target import TargetIdentity
from envsync.plan.change import Action, Change, FieldChange
from envsync.plan.drift import (
    OWNER,
    Comparison,
    Difference,
    Origin,
    compare_metadata,
    is_edited,
    lost_owner,
)
from envsync.plan.ownership import belongs_to_service
from envsync.plan.plan import Plan
from envsync.plan.selection import matches
from envsync.plan.version_drift import VersionDrift
from envsync.plan.versions import resolve

ARCHIVED = "archived"

# A target does not record who archived a version or environment.
_OR_ENVSYNC = "Either somebody archived it, or envsync archived it before a file declared it again."


class DriftReport(Struct, frozen=True):
    """The drift of one target, and the changes of the plan that have another cause than drift.

    Attributes:
        drifted: the versions and environments that were certainly changed in the target.
        unknown: the versions with differences whose origin is unknown.
        pending: the changes and rejections of the plan that do more than undo drift, each as its
            action and address.
    """

    target: TargetIdentity
    drifted: tuple[VersionDrift, ...]
    unknown: tuple[VersionDrift, ...]
    pending: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, JSON]:
        """Returns the report as JSON data."""
        return {
            "target": self.target.to_json(),
            "drift": [item.to_json() for item in self.drifted],
            "unknown": [item.to_json() for item in self.unknown],
            "pending": [{"action": action, "address": address} for action, address in self.pending],
        }


def drift_report(
    declarations: Iterable[Declaration],
    actual: State,
    plan: Plan,
    policy: Policy,
    names: Collection[str],
    *,
    ignore: Sequence[str] = (),
    suffix: str = "",
) -> DriftReport:
    """Returns what was changed in a target.

    Args:
        declarations: all declarations for the target.
        actual: the state of the target.
        plan: the plan for these declarations and this state.
        policy: the policy of the plan.
        names: the names of the environments to report.
        ignore: glob patterns for names, for `name:version`, and for paths of fields. Names,
            versions and fields that match are not reported.
        suffix: the text that the target adds to every declared name.
    """
    declared: dict[str, list[Declaration]] = defaultdict(list)
    for declaration in declarations:
        declared[declaration.name].append(declaration)
    found: list[VersionDrift] = []
    for name in sorted(names):
        container = actual.get(name, Container(name))
        if belongs_to_service(container):
            continue
        versions = resolve(declared[name], container, policy)
        found += _of_container(container, versions, policy)
    # Pending changes are found before ignored differences are removed. Otherwise, ignored
    # differences would be pending.
    pending = tuple(_pending(plan, {(item.name, item.version): item for item in found}))
    kept = [item for item in (_without(each, ignore, suffix) for each in found) if item is not None]
    return DriftReport(
        target=plan.target,
        drifted=tuple(item for item in kept if item.is_drift),
        unknown=tuple(item for item in kept if not item.is_drift and item.differences),
        pending=pending,
    )


def _of_container(
    container: Container, versions: Mapping[str, Declaration], policy: Policy
) -> Iterator[VersionDrift]:
    """Yields the drift of one environment and its versions."""
    first = next(iter(versions.values()), None)
    owned = any(item.owner == policy.project for item in container.versions)
    # Archiving an environment is drift only if the project owns one of its versions.
    if first is not None and owned and container.archived:
        yield VersionDrift(
            container.name,
            None,
            first.source,
            differences=(_archived(),),
            modified=container.modified,
            note=_OR_ENVSYNC,
        )
    if first is not None and not owned and _lost(container, policy.project):
        yield VersionDrift(
            container.name,
            None,
            first.source,
            differences=(Difference(FieldChange(OWNER, None, policy.project), Origin.TARGET),),
            note="The environment lists the project as an owner, but the project owns none of its "
            "versions: they were deleted, or their owner was changed.",
        )
    for item in container.versions:
        if item.version in versions:
            yield _of_version(item, versions[item.version], container, policy)
        elif item.owner == policy.project and item in container.active:
            edited = is_edited(item, policy.ignore_tags)
            key = item.environment.key
            note = "No file declares this version, so it is unknown which fields were edited."
            if edited:
                yield VersionDrift(
                    key.name, key.version, edited=True, modified=item.modified, note=note
                )


def _of_version(
    item: RegisteredVersion, declaration: Declaration, container: Container, policy: Policy
) -> VersionDrift:
    """Returns the drift of a declared version."""
    owner = tuple(_owner(item, policy.project))
    metadata = Comparison(None)
    # The metadata of a version that envsync never wrote cannot drift.
    if item.owner == policy.project or any(each.is_drift for each in owner):
        metadata = compare_metadata(item, declaration.metadata, policy.ignore_tags)
    differences = (*metadata.differences, *owner)
    archived = item.archived and not container.archived and item.owner == policy.project
    if archived:
        differences += (_archived(),)
    key = item.environment.key
    return VersionDrift(
        key.name,
        key.version,
        declaration.source,
        edited=metadata.edited,
        differences=tuple(each for each in differences if each.origin is not Origin.GIT),
        modified=item.modified,
        note=_OR_ENVSYNC if archived else "",
    )


def _owner(item: RegisteredVersion, project: str) -> Iterator[Difference]:
    """Yields the owner as a difference, if the project may have owned the version before."""
    if item.owner == project or not (item.owner or lost_owner(item)):
        return
    # Another project that owns the version may also have created it, so the origin is unknown.
    origin = Origin.UNKNOWN if item.owner else Origin.TARGET
    yield Difference(FieldChange(OWNER, item.owner, project), origin)


def _lost(container: Container, project: str) -> bool:
    """Returns True if the project, which owns no version now, owned a version before."""
    # If only the owner tag of a version was removed, the drift is reported for this version, and
    # not for the environment.
    return project in (container.marks or ()) and not any(
        lost_owner(item) for item in container.versions
    )


def _archived() -> Difference:
    return Difference(FieldChange(ARCHIVED, True, False), Origin.TARGET)


def _pending(
    plan: Plan, found: Mapping[tuple[str, str | None], VersionDrift]
) -> Iterator[tuple[str, str]]:
    """Yields the changes and rejections that do more than undo drift, as action and address."""
    for change in plan.changes:
        if not _undoes_drift(change, found):
            yield str(change.action), change.address
    for rejection in plan.rejections:
        yield "reject", rejection.address


def _undoes_drift(change: Change, found: Mapping[tuple[str, str | None], VersionDrift]) -> bool:
    if change.action is Action.CREATE:
        return False
    whole = found.get((change.name, None))
    # To restore an environment, a plan also archives the versions that must stay hidden. So these
    # archives undo drift as well.
    of_whole = change.version is None or change.action is Action.ARCHIVE
    if of_whole and whole is not None and whole.explains(ARCHIVED):
        return True
    item = found.get((change.name, change.version))
    if item is None or change.desired is None:
        return False
    needed = [field.path for field in change.fields]
    needed += [ARCHIVED] if change.action is Action.RESTORE else []
    needed += [OWNER] if change.owner != change.desired.provenance.owner else []
    return all(map(item.explains, needed))


def _without(item: VersionDrift, ignore: Sequence[str], suffix: str) -> VersionDrift | None:
    """Returns the drift without the ignored fields, or None if the whole version is ignored."""
    declared = item.address.replace(item.name, item.name.removesuffix(suffix), 1)
    for glob in ignore:
        if matches(item.name, glob, suffix) or any(
            fnmatchcase(text, glob) for text in (item.address, declared)
        ):
            return None
    kept = tuple(
        each
        for each in item.differences
        if not any(fnmatchcase(each.field.path, glob) for glob in ignore)
    )
    archived = any(each.field.path == ARCHIVED for each in kept)
    note = "" if item.note == _OR_ENVSYNC and not archived else item.note
    return replace(item, differences=kept, note=note)
