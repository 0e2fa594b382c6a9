"""Deleting from a store, as the service's `DELETE` does. envsync itself only ever archives."""

from __future__ import annotations

import sqlite3

from envsync.model.canonical import JSON
from envsync.targets import refusals
from envsync.targets.store import queries
from envsync.targets.store.tables import ALLOW_DELETES


def delete(
    connection: sqlite3.Connection, stamp: tuple[str, str], name: str, version: str | None
) -> bool:
    """Deletes a version, or with `version=None` a container with all its versions.

    A container stays when its last version is deleted. The history keeps what was there.

    Args:
        connection: in a transaction that may write.
        stamp: when (ISO 8601 in UTC) and by whom.
        name: of the environment.
        version: its own name.

    Returns:
        Whether it was there.

    Raises:
        RuleViolation: it is curated.
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
        # First of all the history: without this entry, the file itself refuses.
        queries.record(connection, stamp, "delete", (name, row.version), before, None)
        connection.execute(
            "DELETE FROM versions WHERE name = ? AND version = ?", (name, row.version)
        )
    if version is None:
        archived = bool(containers[0].archived)
        queries.record(connection, stamp, "delete", (name, None), {"archived": archived}, None)
        connection.execute("DELETE FROM containers WHERE name = ?", (name,))
    return True


def _allow(connection: sqlite3.Connection) -> None:
    """Widens the history of a file that was made before it knew deletes."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'history'"
    if "'delete'" in connection.execute(query).fetchone()[0]:
        return
    # Not `executescript`, which would commit what the transaction has done so far.
    statement = ""
    for line in ALLOW_DELETES.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
