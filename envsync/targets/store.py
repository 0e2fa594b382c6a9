"""The environments of one workspace in SQLite, under the rules of the Azure ML service.

It speaks the service's terms: containers have versions, a version's spec is fixed once it is
created, archiving hides. It knows nothing of envsync's model; `local.py` translates.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from envsync.canonical import JSON, canonical_json
from envsync.history import HistoryAction, HistoryEntry
from envsync.targets import queries, refusals
from envsync.targets.database import Database
from envsync.targets.rows import (
    OWNER_TAG,
    HistoryRow,
    NewVersion,
    Snapshot,
    VersionRow,
    mutable_state,
    rows_of,
)


class Store:
    """The containers and versions of one workspace. One method is one operation, whole or not.

    Methods may be called from several threads and processes at once. Each raises `TargetError`
    where the file cannot be used, or where the operation breaks a rule of the service. What makes
    no difference is not written, to the history neither.

    Attributes:
        database: the SQLite file. It is made by the first write.
    """

    def __init__(self, path: Path, *, actor: str, clock: Callable[[], datetime]) -> None:
        """Opens nothing yet.

        Args:
            path: the SQLite file.
            actor: who makes the changes, for the history.
            clock: the current time, with its time zone.
        """
        self.database = Database(path)
        self._actor = actor
        self._clock = clock

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
        refusals.check_new(new)
        with self.database.reading() as connection:
            return connection is not None and _is_registered(connection, new)

    def create_version(self, new: NewVersion) -> None:
        """Registers a version, and its container with it; does nothing where it is here already.

        Under an archived container the version is born archived (documentation, "Archive").

        Raises:
            TargetError: it breaks a rule of the service, or another one has its place.
        """
        refusals.check_new(new)
        with self.database.writing() as connection:
            if _is_registered(connection, new):
                return
            if queries.has_curated(connection, new.name):
                raise refusals.curated(new.name)
            self._insert(connection, new, curated=False)

    def seed_curated(self, new: NewVersion) -> None:
        """Puts in an entry of the service's own, which nobody may change or add versions to.

        For tests and rehearsals. It may bear a reserved name.
        """
        with self.database.writing() as connection:
            if not _is_registered(connection, new):
                self._insert(connection, new, curated=True)

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
        with self.database.writing() as connection:
            row = _changeable(connection, name, version)
            if restore and queries.container(connection, name).archived:
                raise refusals.hidden(name, version)
            archived = bool(row.archived) and not restore
            before, after = row.state(), mutable_state(description, tags, archived)
            if before != after:
                at = self._now()
                connection.execute(
                    "UPDATE versions SET description = ?, tags = ?, owner = ?, archived = ?,"
                    " modified_at = ?, modified_by = ? WHERE name = ? AND version = ?",
                    (
                        *(description, canonical_json(dict(tags)), tags.get(OWNER_TAG), archived),
                        *(at, self._actor, name, version),
                    ),
                )
                action: HistoryAction = "update" if archived == bool(row.archived) else "restore"
                self._record(connection, at, action, name, version, before, after)
            queries.own_container(connection, name, tags.get(OWNER_TAG))

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
        action: HistoryAction = "archive" if archived else "restore"
        at = self._now()
        change = (archived, at, self._actor, name)
        with self.database.writing() as connection:
            container = queries.container(connection, name)
            if version is None:
                if queries.has_curated(connection, name):
                    raise refusals.curated(name)
                if container.archived == archived:
                    return
                connection.execute(
                    "UPDATE containers SET archived = ?, modified_at = ?, modified_by = ?"
                    " WHERE name = ?",
                    change,
                )
                before: dict[str, JSON] = {"archived": bool(container.archived)}
            else:
                row = _changeable(connection, name, version)
                if container.archived and not archived:
                    raise refusals.hidden(name, version)
                if row.archived == archived:
                    return
                connection.execute(
                    "UPDATE versions SET archived = ?, modified_at = ?, modified_by = ?"
                    " WHERE name = ? AND version = ?",
                    (*change, version),
                )
                before = row.state()
            after = {**before, "archived": archived}
            self._record(connection, at, action, name, version, before, after)

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """All changes of one container and its versions, oldest first."""
        with self.database.reading() as connection:
            if connection is None:
                return ()
            result = connection.execute(
                "SELECT at, actor, action, name, version, before, after FROM history"
                " WHERE name = ? ORDER BY id",
                (name,),
            )
            return tuple(
                HistoryEntry(
                    *(row.at, row.actor, cast("HistoryAction", row.action), row.name, row.version),
                    None if row.before is None else json.loads(row.before),
                    json.loads(row.after),
                )
                for row in rows_of(HistoryRow, result)
            )

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="microseconds")

    def _insert(self, connection: sqlite3.Connection, new: NewVersion, *, curated: bool) -> None:
        at = self._now()
        archived = queries.insert(connection, new, curated=curated, at=at, actor=self._actor)
        state = mutable_state(new.description, new.tags, archived)
        after: dict[str, JSON] = {"spec": new.spec.document(), **state}
        self._record(connection, at, "create", new.name, new.version, None, after)

    def _record(
        self,
        connection: sqlite3.Connection,
        at: str,
        action: HistoryAction,
        name: str,
        version: str | None,
        before: JSON,
        after: JSON,
    ) -> None:
        texts = (None if before is None else canonical_json(before), canonical_json(after))
        connection.execute(
            "INSERT INTO history (at, actor, action, name, version, before, after)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (at, self._actor, action, name, version, *texts),
        )


def _changeable(connection: sqlite3.Connection, name: str, version: str) -> VersionRow:
    row = queries.find(connection, name, version)
    if row is None:
        raise refusals.unknown(name, version)
    if row.curated:
        raise refusals.curated(f"{name}:{version}")
    return row


def _is_registered(connection: sqlite3.Connection, new: NewVersion) -> bool:
    row = queries.find(connection, new.name, new.version)
    if row is None:
        return False
    refusals.check_same(row, new)
    return True
