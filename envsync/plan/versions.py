"""Finds the version of each declaration, and the effect of changes on `@latest`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from envsync.model.content_version import content_version
from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.model.naming import highest_number, is_number, natural_order
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Action, Change
from envsync.plan.compare import match_spec
from envsync.plan.ownership import owner_phrase


def resolve(
    declarations: Sequence[Declaration], container: Container, policy: Policy
) -> dict[str, Declaration]:
    """Maps each version of one name to its declaration. The versions are in natural order.

    If a declaration has no `version`, envsync assigns a version, or derives it from the content.

    Args:
        declarations: the declarations of one name.
        container: the container of this name.
        policy: contains the project, and how a version is chosen.

    Raises:
        EnvsyncError: two declarations have the same version.
    """
    versions = [_version_of(declaration, container, policy) for declaration in declarations]
    found = dict(zip(versions, declarations, strict=True))
    if len(found) < len(versions):
        counts = Counter(versions).items()
        version, count = next(item for item in counts if item[1] > 1)
        raise EnvsyncError(f"{count} files declare {container.name}:{version}. Keep one of them.")
    if len(found) == 1:
        return found
    return {version: found[version] for version in sorted(found, key=natural_order)}


def _version_of(declaration: Declaration, container: Container, policy: Policy) -> str:
    """Returns the declared version. If the file has no `version`, assigns a version.

    With `versions: content`, the version depends only on the spec, so that it is the same in every
    target and on every branch.

    With `versions: auto`, versions that are archived individually are ignored. If the newest
    version has the declared spec, the newest version is used. Otherwise a new version is assigned.
    If every version is a number, the new version is the highest number plus one. Otherwise, the new
    version is the version that the service proposes, unless it is in use or too low.
    """
    if declaration.version is not None:
        return declaration.version
    if policy.versions == "content":
        return content_version(declaration.spec)
    current = newest(container)
    if current is not None:
        match = match_spec(declaration.spec, current)
        # If the project owns the version and the content cannot be verified, assume that the
        # content has not changed. Otherwise, a lost digest tag would cause a new version in every
        # plan.
        if match == "same" or (match == "unknown" and current.owner == policy.project):
            return current.version
    versions = {version.version for version in container.versions}
    highest, following = highest_number(versions), container.next_version
    if all(map(is_number, versions)):
        return str(highest + 1)
    if following not in versions and not (is_number(following) and int(following) <= highest):
        return following
    # The service proposes "1" if the last version is not a number, even if version 1 exists (seen
    # in recorded responses). So the version that the service proposes can be in use or too low.
    return str((highest or len(versions)) + 1)


def registered(container: Container, versions: Collection[str]) -> dict[str, RegisteredVersion]:
    """Maps each of these versions that the container has to the registered version."""
    found: dict[str, RegisteredVersion] = {}
    # Most declared versions are the newest of their name, so the search starts there.
    for item in reversed(container.versions):
        if len(found) == len(versions):
            break
        if (version := item.version) in versions:
            found[version] = item
    return found


def newest(container: Container) -> RegisteredVersion | None:
    """Returns the version that was created last.

    Versions that are archived individually are ignored.
    """
    return next((item for item in reversed(container.versions) if not item.archived), None)


def container_after(container: Container, changes: Sequence[Change]) -> Container:
    """Returns the container after these changes.

    Only the values that `@latest` depends on are updated. Metadata and owners are not updated.
    """
    if not changes:
        return container
    archived = {
        change.version: change.action is Action.ARCHIVE
        for change in changes
        if not (change.scope == "environment" and change.action is Action.UPDATE)
    }
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
        # A change of the whole environment has the version None.
        archived=archived.get(None, container.archived),
    )


def latest_warnings(
    before: Container,
    changes: Sequence[Change],
    declared: Collection[str],
    policy: Policy,
    *,
    ordered: bool = True,
) -> Iterator[str]:
    """Yields a warning if the changes leave `@latest` at an unexpected version.

    `@latest` is unexpected if it is an undeclared version or a new version below the highest
    version. `@latest` is also unexpected if it moves away from a version of another project.

    Args:
        before: the container before the changes.
        changes: the changes of this name.
        declared: the declared versions of this name.
        policy: what the plan is allowed to do.
        ordered: whether a higher version is newer. If versions are derived from the content,
            `ordered` is False.
    """
    after = container_after(before, changes)
    name, latest = after.name, after.latest
    is_new = latest in {change.version for change in changes if change.action is Action.CREATE}
    if latest is None or (latest in declared and not is_new):
        return
    # Declared versions that are rejected are left out, because an apply does not create them.
    existing = [item.version for item in after.versions if item.version in declared]
    if not existing:
        return
    if is_new:
        # In Azure ML, @latest is the version that was created last, not the highest version. So a
        # fix of an older release, such as 1.2.1 after 2.0, becomes @latest without notice.
        highest = max((item.version for item in after.active), key=natural_order)
        if ordered and highest != latest:
            yield (
                f"{name}: @latest becomes {latest} although {highest} is higher, because @latest "
                "is the version created last."
            )
        last = before.active[-1] if before.active else None
        if last is not None and last.owner not in (None, policy.project):
            yield (
                f"{name}: @latest moves from {last.version}, which {owner_phrase(last.owner)}, to "
                f"{latest}."
            )
    # For example, `@latest` is undeclared after a revert in git: the file declares 1 again, but 2
    # stays active.
    else:
        owner = after.active[-1].owner
        ours = owner == policy.project
        which = "no file declares" if ours else owner_phrase(owner)
        setting = f" (superseded: {policy.superseded})" if ours else ""
        what = "The highest declared version" if ordered else "The declared version"
        yield (
            f"{name}: @latest is {latest}, which {which}. {what} is "
            f"{max(existing, key=natural_order)}{setting}."
        )
