"""`Writer`: writes the rows of a store, and an entry of the history for each change."""

from __future__ import annotations

import sqlite3

from envsync.model.canonical import JSON, canonical_json
from envsync.model.history import HistoryAction
from envsync.model.provenance import OWNER_TAG
from envsync.targets import refusals
from envsync.targets.store import queries
from envsync.targets.store.behaviour import Behaviour
from envsync.targets.store.rows import VersionRow, mutable_state


class Writer:
    """Writes rows within one transaction, which the caller begins and commits.

    Attributes:
        stamp: the time of the changes (ISO 8601 in UTC), and the user who makes them.
    """

    def __init__(
        self, connection: sqlite3.Connection, stamp: tuple[str, str], behaviour: Behaviour
    ) -> None:
        self.stamp = stamp
        self._connection = connection
        self._behaviour = behaviour

    def changeable(self, name: str, version: str) -> VersionRow:
        """Returns a version that a client may change.

        Raises:
            RuleViolation: the version does not exist or is curated.
        """
        row = queries.find(self._connection, name, version)
        if row is None:
            raise refusals.unknown(name, version)
        if row.curated:
            raise refusals.curated(f"{name}:{version}")
        return row

    def check_hidden(self, row: VersionRow, archived: bool) -> None:
        """Checks that the container's archived state allows the requested state of the version.

        Raises:
            RuleViolation: it does not.
        """
        if not queries.container(self._connection, row.name).archived:
            return
        # With `effective`, a client sees every version of an archived container as archived. Each
        # update by the client therefore contains `isArchived: true`. Such an update does not
        # archive the version, so it is not refused.
        seen_archived = bool(row.archived) or self._behaviour.hidden_versions == "effective"
        if seen_archived and not archived:
            raise refusals.hidden(row.name, row.version)
        if archived and not seen_archived and self._behaviour.archive_hidden == "refuse":
            raise refusals.hidden_already(row.name, row.version)

    def write(
        self, row: VersionRow, description: str | None, tags: dict[str, str], archived: bool
    ) -> None:
        """Writes the mutable fields of a version, if any of them changes."""
        before, after = row.state(), mutable_state(description, tags, archived)
        if before != after:
            values = (description, canonical_json(dict(tags)), tags.get(OWNER_TAG), archived)
            self._connection.execute(
                "UPDATE versions SET description = ?, tags = ?, owner = ?, archived = ?,"
                " modified_at = ?, modified_by = ? WHERE name = ? AND version = ?",
                (*values, *self.stamp, row.name, row.version),
            )
            self.record(_action(row, archived), row.name, row.version, before=before, after=after)
        self.inherit(row.name, tags.get(OWNER_TAG))

    def inherit(self, name: str, owner: str | None) -> None:
        """Writes the owner of a version into the container, unless the container has an owner."""
        # The container stores an owner as well, so that a query of one indexed column finds all
        # containers of a project.
        if self._behaviour.inherit_owner:
            queries.own_container(self._connection, name, owner)

    def record(
        self, action: HistoryAction, name: str, version: str | None, before: JSON, after: JSON
    ) -> None:
        """Adds an entry to the history. See `queries.record`."""
        queries.record(
            self._connection, self.stamp, action, key=(name, version), before=before, after=after
        )


def _action(row: VersionRow, archived: bool) -> HistoryAction:
    if archived == bool(row.archived):
        return "update"
    return "archive" if archived else "restore"
