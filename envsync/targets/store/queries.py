"""The SQL statements of a store. Each statement runs in a transaction that the caller has begun."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

from envsync.model.canonical import JSON, canonical_json
from envsync.model.history import HistoryAction
from envsync.model.provenance import OWNER_TAG
from envsync.targets import refusals
from envsync.targets.store.rows import (
    ContainerRecord,
    ContainerRow,
    ContextRow,
    NewVersion,
    Snapshot,
    VersionRecord,
    VersionRow,
    parsed_tags,
    rows_of,
    version_records,
)

_CONTAINERS = "SELECT name, tags, archived, created_at, modified_at, modified_by FROM containers "
_VERSION_COLUMNS = """
    name, version, image, conda_file, build_uri, build_context, dockerfile_path, os_type,
    inference_config, description, tags, archived, curated, created_at, owner,
    modified_at, modified_by
"""
_VERSIONS = f"SELECT {_VERSION_COLUMNS} FROM versions "  # noqa: S608 (a constant)
_REST_COLUMNS = f"{_VERSION_COLUMNS}, properties, extra, created_by"
_VERSION_RECORDS = f"SELECT {_REST_COLUMNS} FROM versions "  # noqa: S608 (a constant)
_CONTAINER_RECORDS = """
    SELECT
        name, description, tags, properties, archived, created_at, created_by, modified_at,
        modified_by
    FROM containers
"""
_CONTEXTS = "SELECT digest, files FROM contexts WHERE digest IN (SELECT value FROM json_each(?))"
_NAMED = "WHERE name IN (SELECT value FROM json_each(:names)"
_OWNED = """
    UNION SELECT name FROM containers WHERE owner = :owner
    UNION SELECT name FROM versions WHERE owner = :owner
"""
_NEW_VERSION = """
    INSERT INTO versions (
        name, version, image, conda_file, build_uri, build_context, dockerfile_path, os_type,
        inference_config, description, tags, owner, properties, extra, archived, curated,
        created_at, created_by, modified_at, modified_by)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def snapshot(
    connection: sqlite3.Connection,
    names: Collection[str] | None,
    owner: str | None,
    known: Collection[str] = (),
) -> Snapshot:
    """Returns containers with all their versions and build contexts.

    The result has the containers in `names`, the containers that `owner` owns, and the containers
    in which `owner` owns a version. If `names` is None, all containers are returned. The versions
    and build contexts of the containers in `known` are left out.
    """
    wanted, parameters = "", {}
    if names is not None:
        wanted = _NAMED + ("" if owner is None else _OWNED) + ") "
        # All names are passed as one JSON parameter, because SQLite limits the number of
        # parameters.
        parameters = {"names": json.dumps(list(names)), "owner": owner}
    result = connection.execute(_CONTAINERS + wanted + "ORDER BY name", parameters)
    containers = rows_of(ContainerRow, result)
    unknown = [row.name for row in containers if row.name not in known]
    found = rows_of(VersionRow, _versions_of(connection, unknown)) if unknown else []
    return Snapshot(containers, found, _contexts_of(connection, found))


def _versions_of(connection: sqlite3.Connection, names: Sequence[str]) -> sqlite3.Cursor:
    """Returns the versions of some containers, from oldest to newest."""
    (count,) = connection.execute("SELECT count(*) FROM containers").fetchone()
    # SQLite needs longer to search for each name than to read all rows.
    if len(names) == count:
        return connection.execute(_VERSIONS + "ORDER BY seq")
    return connection.execute(f"{_VERSIONS}{_NAMED}) ORDER BY seq", {"names": json.dumps(names)})


def snapshot_of(connection: sqlite3.Connection, name: str) -> Snapshot:
    """Returns one container with its versions and build contexts.

    The result is empty if the container does not exist. For a single name, this function is faster
    than `snapshot`, which passes the names as JSON.
    """
    container = find_container(connection, name)
    if container is None:
        return Snapshot()
    found = connection.execute(_VERSIONS + "WHERE name = ? ORDER BY seq", (name,))
    versions = rows_of(VersionRow, found)
    return Snapshot([container], versions, _contexts_of(connection, versions))


def _contexts_of(
    connection: sqlite3.Connection, versions: Iterable[VersionRow]
) -> list[ContextRow]:
    digests = sorted({row.build_context for row in versions if row.build_context is not None})
    if not digests:
        return []
    return rows_of(ContextRow, connection.execute(_CONTEXTS, (json.dumps(digests),)))


def find(connection: sqlite3.Connection, name: str, version: str) -> VersionRow | None:
    """Returns one version, or None if the version does not exist."""
    result = connection.execute(_VERSIONS + "WHERE name = ? AND version = ?", (name, version))
    return next(iter(rows_of(VersionRow, result)), None)


def find_container(connection: sqlite3.Connection, name: str) -> ContainerRow | None:
    """Returns one container, or None if the container does not exist."""
    result = connection.execute(_CONTAINERS + "WHERE name = ?", (name,))
    return next(iter(rows_of(ContainerRow, result)), None)


def container(connection: sqlite3.Connection, name: str) -> ContainerRow:
    """Returns one container.

    Raises:
        RuleViolation: the container does not exist.
    """
    found = find_container(connection, name)
    if found is None:
        raise refusals.unknown(name, None)
    return found


def has_curated(connection: sqlite3.Connection, name: str) -> bool:
    """Returns whether a container has a curated version."""
    query = "SELECT 1 FROM versions WHERE name = ? AND curated"
    return connection.execute(query, (name,)).fetchone() is not None


def container_records(
    connection: sqlite3.Connection, name: str | None = None
) -> list[ContainerRecord]:
    """Returns the full records of all containers, or of the container `name`."""
    where = "" if name is None else "WHERE name = :name "
    result = connection.execute(_CONTAINER_RECORDS + where + "ORDER BY name", {"name": name})
    return rows_of(ContainerRecord, result)


def records(
    connection: sqlite3.Connection, name: str | None = None, version: str | None = None
) -> list[VersionRecord]:
    """Returns the full records of all versions, of one container's versions, or of one version.

    The result is sorted from the oldest to the newest version.
    """
    wanted = {"name": name, "version": version}
    terms = [f"{column} = :{column}" for column, value in wanted.items() if value is not None]
    where = f"WHERE {' AND '.join(terms)} " if terms else ""
    return version_records(connection.execute(_VERSION_RECORDS + where + "ORDER BY seq", wanted))


def records_of(connection: sqlite3.Connection, names: Iterable[str]) -> list[VersionRecord]:
    """Returns the full records of all versions of the containers `names`, from oldest to newest."""
    # All names are passed as one JSON parameter, because SQLite limits the number of parameters.
    where = "WHERE name IN (SELECT value FROM json_each(?)) "
    query = f"{_VERSION_RECORDS}{where}ORDER BY seq"
    return version_records(connection.execute(query, (json.dumps(list(names)),)))


def add_container(
    connection: sqlite3.Connection, name: str, at: str, actor: str, owner: str | None = None
) -> None:
    """Inserts a container. If `owner` is not None, the container gets a tag with this owner."""
    tags: dict[str, JSON] = {} if owner is None else {OWNER_TAG: owner}
    connection.execute(
        "INSERT INTO containers"
        " (name, tags, owner, created_at, created_by, modified_at, modified_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, canonical_json(tags), owner, at, actor, at, actor),
    )


def insert(
    connection: sqlite3.Connection,
    new: NewVersion,
    *,
    archived: bool,
    curated: bool,
    at: str,
    actor: str,
) -> None:
    """Inserts a new version and its build context. The version's container must exist."""
    # Ignore a build context that is already stored, because several versions can share one build
    # context.
    if new.context is not None:
        connection.execute(
            "INSERT INTO contexts (digest, files) VALUES (?, ?) ON CONFLICT DO NOTHING",
            new.context,
        )
    connection.execute(
        _NEW_VERSION,
        (
            new.name,
            new.version,
            *new.spec,
            new.description,
            canonical_json(dict(new.tags)),
            new.owner,
            canonical_json(dict(new.properties)),
            # Do not use canonical JSON here. Canonical JSON sorts keys, and the keys of a conda
            # file must keep their order.
            json.dumps(dict(new.extra)),
            archived,
            curated,
            at,
            actor,
            at,
            actor,
        ),
    )


def record(
    connection: sqlite3.Connection,
    stamp: tuple[str, str],
    action: HistoryAction,
    key: tuple[str, str | None],
    before: JSON,
    after: JSON,
) -> None:
    """Inserts one entry into the history.

    Args:
        connection: a connection in a write transaction.
        stamp: the time (ISO 8601 in UTC) and the actor.
        action: the kind of change, such as `create`.
        key: the name and the version; the version is None for a container.
        before: the state before the change, or None if the version or container is new.
        after: the state after the change, or None if the change is a delete.
    """
    texts = (None if before is None else canonical_json(before), canonical_json(after))
    connection.execute(
        "INSERT INTO history (at, actor, action, name, version, before, after)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*stamp, action, *key, *texts),
    )


def own_container(connection: sqlite3.Connection, name: str, owner: str | None) -> None:
    """Adds an owner to a container's tags, unless the tags already contain an owner."""
    tags = parsed_tags(container(connection, name).tags)
    if owner is not None and OWNER_TAG not in tags:
        connection.execute(
            "UPDATE containers SET tags = ?, owner = ? WHERE name = ?",
            (canonical_json({**tags, OWNER_TAG: owner}), owner, name),
        )
