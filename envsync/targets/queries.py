"""What a store asks SQLite and writes into it, within a transaction that somebody else holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from envsync.canonical import canonical_json
from envsync.targets import refusals
from envsync.targets.rows import (
    OWNER_TAG,
    ContainerRow,
    ContextRow,
    NewVersion,
    Snapshot,
    VersionRow,
    parsed_tags,
    rows_of,
)

_CONTAINERS = "SELECT name, tags, archived FROM containers "
_VERSIONS = """
    SELECT name, version, image, conda_file, build_uri, build_context, dockerfile_path, os_type,
        inference_config, description, tags, archived, curated, created_at, owner
    FROM versions
"""
_CONTEXTS_OF = """
    SELECT digest, files FROM contexts
    WHERE digest IN (SELECT build_context FROM versions
"""
_WANTED = """
    WHERE name IN (
        SELECT value FROM json_each(:names)
        UNION SELECT name FROM containers WHERE owner = :owner
        UNION SELECT name FROM versions WHERE owner = :owner)
"""
_NEW_VERSION = """
    INSERT INTO versions (
        name, version, image, conda_file, build_uri, build_context, dockerfile_path, os_type,
        inference_config, description, tags, owner, archived, curated,
        created_at, created_by, modified_at, modified_by)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def snapshot(
    connection: sqlite3.Connection, names: Collection[str] | None, owner: str | None
) -> Snapshot:
    """The containers of these names (None: all) and those with something of this owner, whole."""
    wanted = "" if names is None else _WANTED
    # All names are one parameter: SQLite limits how many there may be.
    parameters = {} if names is None else {"names": json.dumps(list(names)), "owner": owner}
    containers = connection.execute(_CONTAINERS + wanted + "ORDER BY name", parameters)
    versions = connection.execute(_VERSIONS + wanted + "ORDER BY seq", parameters)
    contexts = connection.execute(_CONTEXTS_OF + wanted + ")", parameters)
    return Snapshot(
        rows_of(ContainerRow, containers),
        rows_of(VersionRow, versions),
        rows_of(ContextRow, contexts),
    )


def find(connection: sqlite3.Connection, name: str, version: str) -> VersionRow | None:
    """One version; None where there is none."""
    result = connection.execute(_VERSIONS + "WHERE name = ? AND version = ?", (name, version))
    return next(iter(rows_of(VersionRow, result)), None)


def container(connection: sqlite3.Connection, name: str) -> ContainerRow:
    """One container.

    Raises:
        TargetError: there is none.
    """
    rows = rows_of(ContainerRow, connection.execute(_CONTAINERS + "WHERE name = ?", (name,)))
    if not rows:
        raise refusals.unknown(name, None)
    return rows[0]


def has_curated(connection: sqlite3.Connection, name: str) -> bool:
    """Whether a container holds the service's own."""
    query = "SELECT 1 FROM versions WHERE name = ? AND curated"
    return connection.execute(query, (name,)).fetchone() is not None


def insert(
    connection: sqlite3.Connection, new: NewVersion, *, curated: bool, at: str, actor: str
) -> bool:
    """Writes a new version, its container and its build context; whether it is born archived."""
    stamps = (at, actor, at, actor)
    connection.execute(
        "INSERT INTO containers (name, created_at, created_by, modified_at, modified_by)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (new.name, *stamps),
    )
    if new.context is not None:
        connection.execute(
            "INSERT INTO contexts (digest, files) VALUES (?, ?) ON CONFLICT DO NOTHING",
            new.context,
        )
    archived = bool(container(connection, new.name).archived)
    tags = canonical_json(dict(new.tags))
    connection.execute(
        _NEW_VERSION,
        (
            *(new.name, new.version, *new.spec, new.description, tags, new.owner),
            *(archived, curated, *stamps),
        ),
    )
    own_container(connection, new.name, new.owner)
    return archived


def own_container(connection: sqlite3.Connection, name: str, owner: str | None) -> None:
    """Writes an owner into a container's tags, unless one is there already."""
    tags = parsed_tags(container(connection, name).tags)
    if owner is not None and OWNER_TAG not in tags:
        connection.execute(
            "UPDATE containers SET tags = ?, owner = ? WHERE name = ?",
            (canonical_json({**tags, OWNER_TAG: owner}), owner, name),
        )
