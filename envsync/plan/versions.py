"""Which version a declaration stands for, and what changes do to `@latest`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.model.naming import highest_number, is_number, natural_order
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Action, Change
from envsync.plan.compare import match_spec


def resolve(
    declarations: Sequence[Declaration], container: Container, project: str
) -> dict[str, Declaration]:
    """Each declaration under the version it stands for, in natural version order."""
    versions = [_version_of(declaration, container, project) for declaration in declarations]
    for version, count in Counter(versions).items():
        if count > 1:
            raise EnvsyncError(f"{count} files declare {container.name}:{version}; one may.")
    pairs = zip(versions, declarations, strict=True)
    return dict(sorted(pairs, key=lambda pair: natural_order(pair[0])))


def _version_of(declaration: Declaration, container: Container, project: str) -> str:
    """The declared version, or the one that envsync looks after where the file has none.

    That is the newest version that was not archived on its own, if it has the declared spec; else
    a new one: one more than the highest integer, where all are integers or the service would count
    on from less; or what the service would call it. A version of ours whose spec can no longer be
    verified counts as having it: a lost digest is no change.
    """
    if declaration.version is not None:
        return declaration.version
    current = newest(container)
    if current is not None:
        match = match_spec(declaration.spec, current)
        if match == "same" or (match == "unknown" and current.owner == project):
            return current.version
    versions = {version.version for version in container.versions}
    highest, following = highest_number(versions), container.next_version
    if all(map(is_number, versions)):
        return str(highest + 1)
    if following not in versions and not (is_number(following) and int(following) <= highest):
        return following
    # The service says "1" after a version that is no number, whatever else is there (recorded).
    return str((highest or len(versions)) + 1)


def newest(container: Container) -> RegisteredVersion | None:
    """The most recently created version that was not archived on its own."""
    return next((item for item in reversed(container.versions) if not item.archived), None)


def after(container: Container, changes: Sequence[Change]) -> Container:
    """The container as it would be once the changes are made, as far as `@latest` goes."""
    archived = {change.version: change.action is Action.ARCHIVE for change in changes}
    kept = tuple(
        replace(item, archived=archived[item.version]) if item.version in archived else item
        for item in container.versions
    )
    created = tuple(
        RegisteredVersion(change.desired)
        for change in changes
        if change.action is Action.CREATE and change.desired
    )
    return replace(
        container,
        versions=kept + created,
        archived=archived.get(None, container.archived),
    )


def latest_falls_back(after: Container, changes: Sequence[Change]) -> Iterator[str]:
    """Warns where what is created becomes `@latest` though a higher version stays active."""
    created = {change.version for change in changes if change.action is Action.CREATE}
    if after.latest in created:
        highest = max((item.version for item in after.active), key=natural_order)
        if highest != after.latest:
            yield (
                f"{after.name}: @latest becomes {after.latest}, the newest by creation, "
                f"although {highest} is higher."
            )
