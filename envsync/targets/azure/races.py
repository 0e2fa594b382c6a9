"""Functions that raise an error if another client wrote at the same time as this process.

The service supports no conditional writes, so the state is checked again after a write.
"""

from __future__ import annotations

from envsync.model.before import Before
from envsync.model.environment import EnvironmentKey
from envsync.model.errors import TargetError
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.wire import Resource, registered


def ensure_not_born_archived(
    key: EnvironmentKey, created: Resource | None, before: Before | None
) -> None:
    """Checks that the container was not archived when a version was created.

    The lists can be stale, so the container was possibly archived even before the plan was made.

    Args:
        key: the name and version.
        created: the version after the write.
        before: the expected state. If None, nothing is checked.

    Raises:
        TargetError: the version is archived.
    """
    if before is not None and not before.hidden and created is not None and created.archived:
        raise TargetError(
            f"{key} is registered, but archived, because the environment {key.name} was archived "
            "at the same time or shortly before. Make the plan again."
        )


def ensure_nothing_new(name: str, before: Before, fresh: FreshReads) -> None:
    """Checks that nobody added a version while this process archived the container.

    Raises:
        TargetError: a version that the plan does not contain was archived, or the versions cannot
            be read.
    """
    try:
        found = [registered(name, item) for item in fresh.versions(name)]
    except TargetError as error:
        raise TargetError(
            f"The environment {name} is archived, but it is unknown whether another client has "
            f"added a version at the same time: {error} Check its versions with `envsync show "
            f"{name}`."
        ) from error
    known = before.owners or {}
    new = [item for item in found if not item.archived and item.version not in known]
    if new:
        listed = ", ".join(item.version for item in new)
        raise TargetError(
            f"The environment {name} is archived with a version that another client has added at "
            f"the same time: {listed}. Restore the environment if it is still needed."
        )
