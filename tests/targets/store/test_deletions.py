"""Tests of deletions in a store, and in files of releases that could not delete."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envsync.model.errors import TargetError
from envsync.targets.store.rows import NewVersion, VersionSpec
from envsync.targets.store.store import Store

SPEC = VersionSpec("python:3.12", None, None, None, None, "Linux", None)

BEFORE_DELETES = """
DROP TRIGGER versions_stay;
DROP TABLE history;
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('create', 'update', 'archive', 'restore')),
    name TEXT NOT NULL,
    version TEXT,
    before TEXT,
    after TEXT
);
CREATE INDEX history_by_name ON history (name);
CREATE TRIGGER versions_stay BEFORE DELETE ON versions
BEGIN SELECT RAISE(ABORT, 'a registered version cannot be deleted'); END;
CREATE TRIGGER history_is_fixed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_stays BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
"""
"""Statements that give a file the history and the triggers of a release without deletes."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path, actor="tester", clock=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))
    yield store
    store.close()


def versions(store: Store, name: str) -> list[str]:
    return [record.row.version for record in store.records(name)[1]]


def fill(store: Store) -> None:
    for version in ("1", "2"):
        store.create_version(NewVersion("pydata", version, SPEC))


def actions(store: Store) -> list[tuple[str, str | None, str]]:
    return [(entry.action, entry.version, entry.actor) for entry in store.history("pydata")]


def test_deleting_the_last_version_keeps_its_container(store: Store) -> None:
    fill(store)

    assert store.delete("pydata", "1", "somebody")
    assert versions(store, "pydata") == ["2"]
    assert store.delete("pydata", "2", "somebody")
    assert [item.name for item in store.records("pydata")[0]] == ["pydata"]


def test_deleting_a_container_deletes_its_versions(store: Store) -> None:
    fill(store)

    assert store.delete("pydata", None, "somebody")
    assert store.records("pydata") == ([], [])


def test_the_history_keeps_deleted_resources(store: Store) -> None:
    fill(store)
    store.delete("pydata", None, "somebody")
    *_, deleted, container = store.history("pydata")

    assert actions(store) == [
        ("create", "1", "tester"),
        ("create", "2", "tester"),
        ("delete", "1", "somebody"),
        ("delete", "2", "somebody"),
        ("delete", None, "somebody"),
    ]
    assert (deleted.before, deleted.after) == (
        {
            "spec": {"image": "python:3.12", "os_type": "Linux"},
            "description": None,
            "tags": {},
            "archived": False,
        },
        None,
    )
    assert (container.before, container.after) == ({"archived": False}, None)


@pytest.mark.parametrize(("name", "version"), [("absent", None), ("pydata", "3"), ("absent", "1")])
def test_deleting_an_absent_resource_changes_nothing(
    store: Store, name: str, version: str | None
) -> None:
    fill(store)

    assert not store.delete(name, version, "somebody")
    assert len(actions(store)) == 2


def test_deleting_creates_no_file(store: Store, path: Path) -> None:
    assert not store.delete("pydata", "1", "somebody")
    assert not path.exists()


def test_a_curated_environment_is_not_deleted(store: Store) -> None:
    store.seed_curated(NewVersion("AzureML-sklearn", "1", SPEC))

    with pytest.raises(TargetError):
        store.delete("AzureML-sklearn", "1", "somebody")
    assert versions(store, "AzureML-sklearn") == ["1"]


def test_a_deleted_version_can_be_registered_with_another_spec(store: Store) -> None:
    fill(store)
    store.delete("pydata", "1", "somebody")
    store.create_version(NewVersion("pydata", "1", SPEC._replace(image="python:3.13")))

    # Versions are in order of creation, and version 1 was created again after version 2.
    assert versions(store, "pydata") == ["2", "1"]


def test_a_delete_upgrades_an_old_file_and_keeps_its_history(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(make_old(store, path))) as connection, connection:
        connection.execute(
            "INSERT INTO history (at, actor, action, name, version, after)"
            " VALUES ('2025-01-01', 'older', 'create', 'pydata', '1', '{}')"
        )

    assert store.delete("pydata", "1", "somebody")
    assert store.delete("pydata", "2", "somebody")
    assert actions(store) == [
        ("create", "1", "older"),
        ("delete", "1", "somebody"),
        ("delete", "2", "somebody"),
    ]
    # The upgraded file has the same tables and triggers as a new file.
    assert schema(path) == schema_of_new(path)


def test_a_refused_delete_does_not_upgrade_an_old_file(store: Store, path: Path) -> None:
    store.seed_curated(NewVersion("AzureML-sklearn", "1", SPEC))
    before = schema(make_old(store, path))
    with pytest.raises(TargetError):
        store.delete("AzureML-sklearn", None, "somebody")

    assert schema(path) == before


def make_old(store: Store, path: Path) -> Path:
    fill(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(BEFORE_DELETES)
    return path


def schema(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql NOT NULL")
        return {(kind, name, " ".join(sql.split())) for kind, name, sql in rows}


def schema_of_new(path: Path) -> set[tuple[str, str, str]]:
    new = Store(path.with_name("new.db"), actor="tester", clock=lambda: datetime.now(UTC))
    fill(new)
    new.close()
    return schema(new.database.path)
