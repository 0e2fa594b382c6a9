"""The store: the environments of one workspace in SQLite, under the rules of the Azure ML service.

The store uses the service's terms: a container has versions, a version's spec is fixed at creation,
and archiving hides a container or version. The store does not use envsync's model.
`local/translation.py` translates between the store's rows and envsync's model.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from envsync.model.history import HistoryAction, HistoryEntry
from envsync.targets import refusals
from envsync.targets.store import deletions, queries, rules
from envsync.targets.store.behaviour import Behaviour
from envsync.targets.store.database import Database
from envsync.targets.store.rows import (
    ContainerRecord,
    HistoryRow,
    NewVersion,
    Snapshot,
    VersionRecord,
    rows_of,
)
from envsync.targets.store.transaction import Transaction

Check: TypeAlias = Callable[[Snapshot], object]
"""A function that is called with the rows of an environment before the environment is changed.

The call and the change happen in one transaction. If the function raises an exception, nothing
changes.
"""

_LOCAL: Final = Behaviour()
_HISTORY = "SELECT at, actor, action, name, version, before, after FROM history"


def _unchecked(snapshot: Snapshot) -> None:
    """Accepts every state."""


class Store:
    """The containers and versions of one workspace.

    Each method is one atomic operation. Several threads and processes can call methods at the same
    time. Each method raises `TargetError` if the file cannot be used or if the operation breaks a
    rule of the service. An operation that changes nothing writes nothing, not even to the history.

    Attributes:
        database: the SQLite file, which the first write creates.
    """

    def __init__(
        self,
        path: Path,
        *,
        actor: str,
        clock: Callable[[], datetime],
        behaviour: Behaviour = _LOCAL,
    ) -> None:
        """Creates a store without opening the file.

        Args:
            path: the SQLite file.
            actor: the user that the history shows for each change.
            clock: a function that returns the current time with its time zone.
            behaviour: the store's behaviour in cases that the service's documentation omits.
        """
        self.database = Database(path)
        self._actor = actor
        self._clock = clock
        self._behaviour = behaviour

    def close(self) -> None:
        """Closes the file."""
        self.database.close()

    def read(
        self,
        names: Collection[str] | None,
        owner: str | None = None,
        known: dict[str, Any] | None = None,
    ) -> Snapshot:
        """Returns containers with all their versions and build contexts.

        The result has the containers in `names`, the containers that `owner` owns, and the
        containers in which `owner` owns a version. If `names` is None, all containers are returned.
        Reading never creates the file.

        Args:
            names: names of containers, or None.
            owner: a project, or None.
            known: anything that the caller has made from the rows of earlier calls, by the names of
                the containers. Containers that may have changed since then are removed from it. The
                versions and build contexts of the other ones are left out of the result. A store
                has only one such mapping.
        """
        with self.database.reading() as connection:
            if connection is None:
                return Snapshot()
            if known is not None:
                self.database.changed.forget(connection, known)
            return queries.snapshot(connection, names, owner, known or {})

    def create_version(self, new: NewVersion, check: Check = _unchecked) -> None:
        """Registers a version and its container, unless the version is already registered.

        A version of an archived container is archived from the start (documentation, "Archive").

        Args:
            new: the version.
            check: see `Check`. `check` is called even if the version is already registered.

        Raises:
            TargetError: the new version breaks a rule of the service, or the version exists with
                another spec or owner.
        """
        # Check the version before the transaction, because the transaction creates the file.
        rules.check_new(new)
        with self.changing() as changes:
            held = changes.snapshot(new.name)
            check(held)
            changes.register(new, held)

    def seed_curated(self, *versions: NewVersion) -> None:
        """Inserts curated versions in one transaction, for tests and rehearsals.

        The names of the environments can begin with a reserved prefix, such as `AzureML`.

        Clients cannot change a curated environment or add versions to it.
        """
        with self.changing() as changes:
            for new in versions:
                changes.register(new, changes.snapshot(new.name), curated=True)

    def update_version(
        self,
        name: str,
        version: str,
        description: str | None,
        tags: Mapping[str, str],
        *,
        restore: bool = False,
        check: Check = _unchecked,
    ) -> None:
        """Replaces the description and the tags of a version.

        Args:
            name: the name of the environment.
            version: the version.
            description: the new description. If None, the description is removed.
            tags: all new tags, including reserved tags.
            restore: whether to restore the version in the same write.
            check: see `Check`.

        Raises:
            TargetError: the version does not exist or is curated, or `restore` is True although the
                container is archived.
        """
        # Check that the file exists, because a write transaction would create the file.
        if not self.database.exists():
            raise refusals.unknown(name, version)
        with self.changing() as changes:
            check(changes.snapshot(name))
            changes.update(name, version, description=description, tags=tags, restore=restore)

    def set_archived(
        self, name: str, version: str | None, *, archived: bool, check: Check = _unchecked
    ) -> None:
        """Archives or restores one version, or the container if `version` is None.

        Archiving a container hides all its versions, but does not change the flags of the versions.
        After the container is restored, only versions that were archived separately stay hidden. A
        version cannot be restored while its container is archived (documentation, "Archive"). By
        default, a version of an archived container can be archived separately, because the
        documentation does not forbid it.

        Raises:
            TargetError: the version or container does not exist or is curated, or the call restores
                a version of an archived container.
        """
        if not self.database.exists():
            raise refusals.unknown(name, version)
        with self.changing() as changes:
            check(changes.snapshot(name))
            if version is None:
                changes.archive_container(name, archived)
            else:
                changes.archive_version(name, version, archived)

    def delete(self, name: str, version: str | None, actor: str) -> bool:
        """Deletes a version. If `version` is None, deletes the container and all its versions.

        Returns:
            True if the version or container existed.

        Raises:
            TargetError: the environment is curated.
        """
        if not self.database.exists():
            return False
        with self.database.writing() as connection:
            return deletions.delete(connection, (self.now(), actor), name=name, version=version)

    @contextmanager
    def changing(self, actor: str | None = None) -> Iterator[Transaction]:
        """Yields one transaction, in which several changes form one atomic operation.

        Args:
            actor: the user that the history shows for each change. If None, the actor of the store.

        Raises:
            TargetError: the file cannot be used.
        """
        with self.database.writing() as connection:
            yield self._changes(connection, actor)

    def records(self, name: str | None = None) -> tuple[list[ContainerRecord], list[VersionRecord]]:
        """Returns all containers, or the container `name`, with their versions (oldest first)."""
        with self.database.reading() as connection:
            if connection is None:
                return [], []
            return queries.container_records(connection, name), queries.records(connection, name)

    def records_on_page(
        self, names: Callable[[Sequence[ContainerRecord]], Iterable[str]]
    ) -> tuple[list[ContainerRecord], list[VersionRecord]]:
        """Returns all containers, and the versions of the containers that `names` selects.

        Args:
            names: a function that gets all containers, and returns the names of those whose
                versions are needed.
        """
        with self.database.reading() as connection:
            if connection is None:
                return [], []
            containers = queries.container_records(connection)
            return containers, queries.records_of(connection, names(containers))

    def record(self, name: str, version: str) -> VersionRecord | None:
        """Returns one version with all its columns, or None if the version does not exist."""
        with self.database.reading() as connection:
            if connection is None:
                return None
            return next(iter(queries.records(connection, name, version)), None)

    def history_after(self, at: str, name: str | None = None) -> tuple[HistoryEntry, ...]:
        """Returns the changes after a time (ISO 8601 in UTC), the newest first.

        If `name` is None, the changes of all containers are returned.
        """
        where = "" if name is None else " AND name = :name"
        with self.database.reading() as connection:
            if connection is None:
                return ()
            query = f"{_HISTORY} WHERE at > :at{where} ORDER BY id DESC"
            return _entries(connection.execute(query, {"at": at, "name": name}))

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """Returns all changes that were made to one container or its versions, oldest first."""
        with self.database.reading() as connection:
            if connection is None:
                return ()
            query = f"{_HISTORY} WHERE name = ? ORDER BY id"
            return _entries(connection.execute(query, (name,)))

    def now(self) -> str:
        """Returns the current time in the format of the rows."""
        # Use a fixed number of digits, so that SQLite orders and compares times correctly as text.
        return self._clock().astimezone(UTC).isoformat(timespec="microseconds")

    def _changes(self, connection: sqlite3.Connection, actor: str | None = None) -> Transaction:
        actor = self._actor if actor is None else actor
        return Transaction(connection, at=self.now(), actor=actor, behaviour=self._behaviour)


def _entries(results: Iterable[tuple[Any, ...]]) -> tuple[HistoryEntry, ...]:
    return tuple(
        HistoryEntry(
            at=row.at,
            actor=row.actor,
            action=cast("HistoryAction", row.action),
            name=row.name,
            version=row.version,
            before=None if row.before is None else json.loads(row.before),
            after=json.loads(row.after),
        )
        for row in rows_of(HistoryRow, results)
    )
