"""Plans which versions of one name are archived: only versions whose file is proven to be gone.

If envsync reads only a part of a project (because of a sparse checkout, an unreadable directory or
a broken link), files that exist look deleted. The tag `envsync.source` of a version contains the
path of the file that declared the version. If this file exists but was not read, the version is not
archived. Instead, the plan has the rejection `still-there`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from envsync.model.declaration import Source
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Action, Change, Rejection


class Evidence(Struct, frozen=True):
    """Evidence that the file of a version may still exist, although the file was not read.

    Attributes:
        path: the file or directory to look at, relative to the project directory.
        sentence: the evidence, as a sentence without a full stop.
    """

    path: str
    sentence: str


StillThere: TypeAlias = Mapping[str, Evidence]
"""The files that may exist, although they were not read as environment files.

Maps the path in `envsync.source` to the evidence.
"""

LeftOut: TypeAlias = Mapping[str, str]
"""The reasons why the settings leave out environments.

Maps a name in the target, or the path of a file relative to the project directory, to the reason.
"""

_UNDECLARED: Final = "no file declares it"


def undeclared(
    container: Container, policy: Policy, still_there: StillThere, left_out: LeftOut
) -> Iterator[Change | Rejection | str]:
    """Yields the changes that archive a name that no file declares.

    If the project owns every active version, one change archives the whole environment. Otherwise
    the project's versions are archived one by one, because archiving the whole environment would
    hide the versions of other owners.
    """
    ours = [item for item in container.active if item.owner == policy.project]
    others = [item.version for item in container.active if item.owner != policy.project]
    if not ours or policy.prune == "none":
        return
    if others:
        for item in ours:
            reason = _reason(container.name, [item], left_out)
            yield from archive(item, reason, still_there, former_files=_files([item]))
        listed = ", ".join(others)
        yield f"{container.name}: the plan leaves versions of other owners active: {listed}."
        return
    kept = _still_there(container.name, None, ours, still_there)
    yield from kept
    if not kept:
        yield Change(
            action=Action.ARCHIVE,
            scope="environment",
            name=container.name,
            version=None,
            reason=_reason(container.name, ours, left_out),
            owner=policy.project,
            hides=tuple(item.version for item in ours),
            former_files=_files(ours),
        )


def superseded(
    container: Container,
    declared: Collection[str],
    policy: Policy,
    still_there: StillThere,
    left_out: LeftOut,
) -> Iterator[Change | Rejection]:
    """Yields the changes that archive the undeclared versions of a declared name.

    Args:
        container: the container of the name.
        declared: the declared versions of the name.
        policy: what the plan is allowed to do.
        still_there: files that exist, but were not read as environment files.
        left_out: see `LeftOut`.
    """
    # `prune: none` protects every version that no file declares, even if a file declares another
    # version of the same name.
    if policy.superseded == "keep" or policy.prune == "none":
        return
    for item in container.active:
        if item.version not in declared and item.owner == policy.project:
            reason = left_out.get(item.environment.provenance.source or "")
            reason = f"superseded: {reason or 'no file declares this version'}"
            yield from archive(item, reason, still_there)


def archive(
    item: RegisteredVersion,
    reason: str,
    still_there: StillThere,
    *,
    former_files: tuple[str, ...] = (),
) -> Iterator[Change | Rejection]:
    """Yields the change that archives a version, or a rejection if the version's file still exists.

    Args:
        item: the registered version.
        reason: why the version is archived.
        still_there: files that exist, but were not read as environment files.
        former_files: see `Change`.
    """
    key = item.environment.key
    kept = _still_there(key.name, key.version, [item], still_there)
    yield from kept
    if not kept:
        yield Change(
            action=Action.ARCHIVE,
            scope="version",
            name=key.name,
            version=key.version,
            reason=reason,
            owner=item.owner,
            former_files=former_files,
        )


def _still_there(
    name: str,
    version: str | None,
    items: Sequence[RegisteredVersion],
    still_there: StillThere,
) -> list[Rejection]:
    address = name if version is None else f"{name}:{version}"
    return [
        Rejection(
            code="still-there",
            name=name,
            version=version,
            message=f"No file declares {address}, but {still_there[file].sentence}.",
            fix=f"Correct, check out or delete {still_there[file].path}, or list the path in "
            "`exclude` in envsync.yaml.",
            source=Source(still_there[file].path, 1),
        )
        for file in _files(items)
        if file in still_there
    ]


def _reason(name: str, items: Sequence[RegisteredVersion], left_out: LeftOut) -> str:
    """Returns the reason to archive versions that no file declares for this target."""
    if name in left_out:
        return left_out[name]
    files = [file for file in _files(items) if file in left_out]
    if not files:
        return _UNDECLARED
    reason = left_out[files[0]]
    if len(files) > 1:
        reason += f", and {len(files) - 1} more of the environment's files"
    if any(item.environment.provenance.source not in left_out for item in items):
        reason += "; no file declares the other versions"
    return reason


def _files(items: Sequence[RegisteredVersion]) -> tuple[str, ...]:
    """Returns the files that declared these versions, sorted."""
    found = {item.environment.provenance.source for item in items}
    return tuple(sorted(file for file in found if file))
