"""The environments of one workspace in SQLite, under the rules of the Azure ML service.

It speaks the service's terms: containers have versions, a version's spec is fixed once it is
created, archiving hides. It knows nothing of envsync's model; `local/target.py` translates.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

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

_LOCAL: Final = Behaviour()
_HISTORY = "SELECT at, actor, action, name, version, before, after FROM history"


class Store:
    """The containers and versions of one workspace. One method is one operation, whole or not.

    Methods may be called from several threads and processes at once. Each raises `TargetError`
    where the file cannot be used, or where the operation breaks a rule of the service. What makes
    no difference is not written, to the history neither.

    Attributes:
        database: the SQLite file. It is made by the first write.
    """

    def __init__(
        self,
        path: Path,
        *,
        actor: str,
        clock: Callable[[], datetime],
        behaviour: Behaviour = _LOCAL,
    ) -> None:
        """Opens nothing yet.

        Args:
            path: the SQLite file.
            actor: who makes the changes, for the history.
            clock: the current time, with its time zone.
            behaviour: the answers to what the service's documentation leaves open.
        """
        self.database = Database(path)
        self._actor = actor
        self._clock = clock
        self._behaviour = behaviour

    def close(self) -> None:
        """Closes the file."""
        self.database.close()

    def read(self, names: Collection[str] | None, owner: str | None = None) -> Snapshot:
        """The containers of these names, and those that `owner` owns or owns a version of.

        `names=None` is everything. Never writes.
        """
        with self.database.reading() as connection:
            if connection is None:
                return Snapshot()
            return queries.snapshot(connection, names, owner)

    def is_registered(self, new: NewVersion) -> bool:
        """Whether this very version is here: same spec, same owner.

        Raises:
            TargetError: it breaks a rule of the service, or another one has its place.
        """
        rules.check_new(new)
        with self.database.reading() as connection:
            return connection is not None and self._changes(connection).is_registered(new)

    def create_version(self, new: NewVersion) -> None:
        """Registers a version, and its container with it; does nothing where it is here already.

        Under an archived container the version is born archived (documentation, "Archive").

        Raises:
            TargetError: it breaks a rule of the service, or another one has its place.
        """
        rules.check_new(new)
        with self.changing() as changes:
            if not changes.is_registered(new):
                changes.create(new)

    def seed_curated(self, new: NewVersion) -> None:
        """Puts in an entry of the service's own, which nobody may change or add versions to.

        For tests and rehearsals. It may bear a reserved name.
        """
        with self.changing() as changes:
            if not changes.is_registered(new):
                changes.create(new, curated=True)

    def update_version(
        self,
        name: str,
        version: str,
        description: str | None,
        tags: Mapping[str, str],
        *,
        restore: bool = False,
    ) -> None:
        """Replaces description and tags of a version; with `restore`, un-archives it.

        Raises:
            TargetError: there is no such version, it is curated, or it is to be restored while its
                container is archived.
        """
        if not self.database.exists():
            raise refusals.unknown(name, version)
        with self.changing() as changes:
            changes.update(name, version, description, tags, restore=restore)

    def set_archived(self, name: str, version: str | None, *, archived: bool) -> None:
        """Archives or restores one version, or with `version=None` the container.

        A container's flag hides all versions and leaves theirs as they are, so that restoring it
        shows those that were not archived on their own. A single version cannot be restored while
        its container is archived (documentation, "Archive"). Archiving one then is allowed: there
        the documentation is silent.

        Raises:
            TargetError: there is no such thing, it is curated, or one version is to be restored
                while its container is archived.
        """
        if not self.database.exists():
            raise refusals.unknown(name, version)
        with self.changing() as changes:
            if version is None:
                changes.archive_container(name, archived)
            else:
                changes.archive_version(name, version, archived)

    def delete(self, name: str, version: str | None, actor: str) -> bool:
        """Deletes a version, or with `version=None` the container and all its versions.

        Returns:
            Whether it was there.

        Raises:
            TargetError: it is curated.
        """
        if not self.database.exists():
            return False
        with self.database.writing() as connection:
            return deletions.delete(connection, (self.now(), actor), name, version)

    @contextmanager
    def changing(self, actor: str | None = None) -> Iterator[Transaction]:
        """One transaction, in which several changes are one operation, whole or not.

        Args:
            actor: who makes them, where that is not whom the store was opened for.

        Raises:
            TargetError: the file cannot be used.
        """
        with self.database.writing() as connection:
            yield self._changes(connection, actor)

    def records(self, name: str | None = None) -> tuple[list[ContainerRecord], list[VersionRecord]]:
        """All containers, or that of one name, and their versions in order of creation."""
        with self.database.reading() as connection:
            if connection is None:
                return [], []
            return queries.container_records(connection, name), queries.records(connection, name)

    def record(self, name: str, version: str) -> VersionRecord | None:
        """One version with all that is kept of it; None where there is none."""
        with self.database.reading() as connection:
            if connection is None:
                return None
            return next(iter(queries.records(connection, name, version)), None)

    def history_after(self, at: str, name: str | None = None) -> tuple[HistoryEntry, ...]:
        """The changes since a time (ISO 8601 in UTC), of one container or of all, newest first."""
        where = "" if name is None else " AND name = :name"
        with self.database.reading() as connection:
            if connection is None:
                return ()
            query = f"{_HISTORY} WHERE at > :at{where} ORDER BY id DESC"
            return _entries(connection.execute(query, {"at": at, "name": name}))

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """All changes of one container and its versions, oldest first."""
        with self.database.reading() as connection:
            if connection is None:
                return ()
            query = f"{_HISTORY} WHERE name = ? ORDER BY id"
            return _entries(connection.execute(query, (name,)))

    def now(self) -> str:
        """The current time as rows have it."""
        return self._clock().astimezone(UTC).isoformat(timespec="microseconds")

    def _changes(self, connection: sqlite3.Connection, actor: str | None = None) -> Transaction:
        actor = self._actor if actor is None else actor
        return Transaction(connection, at=self.now(), actor=actor, behaviour=self._behaviour)


def _entries(results: Iterable[tuple[Any, ...]]) -> tuple[HistoryEntry, ...]:
    return tuple(
        HistoryEntry(
            *(row.at, row.actor, cast("HistoryAction", row.action), row.name, row.version),
            None if row.before is None else json.loads(row.before),
            json.loads(row.after),
        )
        for row in rows_of(HistoryRow, results)
    )
