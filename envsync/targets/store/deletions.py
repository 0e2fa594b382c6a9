"""Deletes versions and containers, like the service's `DELETE`. Only the emulator deletes."""

from __future__ import annotations

import sqlite3

from envsync.model.canonical import JSON
from envsync.targets import refusals
from envsync.targets.store import checksums, queries
from envsync.targets.store.tables import ALLOW_DELETES


def delete(
    connection: sqlite3.Connection, stamp: tuple[str, str], name: str, version: str | None
) -> bool:
    """Deletes a version. If `version` is None, deletes the container and all its versions.

    A container remains when its last version is deleted. The history keeps the deleted content.

    Args:
        connection: a connection in a write transaction.
        stamp: the time (ISO 8601 in UTC) and the actor.
        name: the name of the environment.
        version: the version, or None for the container.

    Returns:
        True if the version or container existed.

    Raises:
        RuleViolation: the environment is curated.
    """
    containers = queries.container_records(connection, name)
    records = queries.records(connection, name, version)
    if not containers or (version is not None and not records):
        return False
    if queries.has_curated(connection, name):
        raise refusals.curated(name if version is None else f"{name}:{version}")
    _allow(connection)
    for record in records:
        row = record.row
        before: dict[str, JSON] = {"spec": row.spec.document(), **row.state()}
        # The history entry must be inserted first, because the trigger `versions_stay` refuses to
        # delete a version that has no `delete` entry.
        queries.record(
            connection, stamp, action="delete", key=(name, row.version), before=before, after=None
        )
        connection.execute(
            "DELETE FROM versions WHERE name = ? AND version = ?", (name, row.version)
        )

    if version is None:
        archived = bool(containers[0].archived)
        queries.record(
            connection,
            stamp,
            action="delete",
            key=(name, None),
            before={"archived": archived},
            after=None,
        )
        connection.execute("DELETE FROM containers WHERE name = ?", (name,))
    return True


def _allow(connection: sqlite3.Connection) -> None:
    """Replaces an old history table, which does not accept the action `delete`."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'history'"
    if "'delete'" in connection.execute(query).fetchone()[0]:
        return
    # `executescript` would commit the transaction first, so each statement is executed separately.
    # `complete_statement` finds the end of each statement, and ignores the semicolons in the body
    # of a trigger.
    statement = ""
    for line in ALLOW_DELETES.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    # Create the checksum triggers again, because SQLite has removed these triggers together with
    # the old table.
    checksums.install(connection)
