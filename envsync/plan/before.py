"""Computes the state that the target must have just before each change of a name."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from envsync.model.before import Before, versions_of
from envsync.model.state import Container
from envsync.plan.change import Action, Change


def with_before(changes: Iterable[Change], container: Container) -> tuple[Change, ...]:
    """Returns the changes of one name, each with its `Before`.

    Args:
        changes: all changes of the name, in the order of the apply.
        container: the container that the plan was made from.
    """
    changes = tuple(changes)
    if not changes:
        return ()
    registered = {item.version: item for item in container.versions}
    hidden, restored = container.archived, False
    versions = _known(changes, container)
    result = []
    for change in changes:
        version = registered.get(change.version or "")
        # After a container is restored, the archived state of its versions is unknown. The
        # documentation does not say if versions that were archived one by one are restored as well.
        known = version is not None and not (restored or container.may_echo)
        result.append(
            replace(
                change,
                before=Before(
                    hidden=hidden,
                    version=version,
                    archived=version.archived if version and known else None,
                    owners=versions_of(container, hidden=hidden)
                    if change.scope == "environment" and change.action is not Action.UPDATE
                    else None,
                    known=versions if change.action is Action.CREATE else None,
                ),
            )
        )
        if change.scope == "environment" and change.action is not Action.UPDATE:
            hidden = change.action is Action.ARCHIVE
            restored = not hidden
    return tuple(result)


def _known(changes: Iterable[Change], container: Container) -> dict[str, frozenset[str | None]]:
    """Maps each version of the name to the owners that the version can have during the apply."""
    known: dict[str, frozenset[str | None]] = {
        item.version: frozenset({item.owner}) for item in container.versions
    }
    for change in changes:
        if change.desired is not None:
            version = change.desired.key.version
            owner = change.desired.provenance.owner
            known[version] = known.get(version, frozenset()) | {owner}
    return known
