"""Tests the rows and triggers of the store that the contract of every target does not test."""

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

SPEC = VersionSpec("contoso.example/image:1", None, None, None, None, "Linux", None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path, actor="ada", clock=lambda: datetime.now(UTC))
    yield store
    store.close()


class TestRows:
    def test_triggers_refuse_changes_to_a_registered_spec(self, path: Path, store: Store) -> None:
        store.create_version(NewVersion("pydata", "1", SPEC))

        with closing(sqlite3.connect(path)) as connection:
            with pytest.raises(sqlite3.IntegrityError, match="cannot be changed"):
                connection.execute("UPDATE versions SET image = 'other'")
            # Use a plain SQLite connection, because triggers also protect the file from other
            # programs.
            with pytest.raises(sqlite3.IntegrityError, match="cannot be deleted"):
                connection.execute("DELETE FROM versions")

    @pytest.mark.parametrize(
        "statement", ["UPDATE history SET actor = 'eve'", "DELETE FROM history"]
    )
    def test_triggers_refuse_changes_to_the_history(
        self, path: Path, store: Store, statement: str
    ) -> None:
        store.create_version(NewVersion("pydata", "1", SPEC))

        with (
            closing(sqlite3.connect(path)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
        ):
            connection.execute(statement)

    def test_the_first_owner_owns_the_container(self, store: Store) -> None:
        owners = [None, "first", "second"]
        for number, owner in enumerate(owners):
            tags = {"envsync.owner": owner} if owner else {}
            store.create_version(NewVersion("pydata", str(number), SPEC, tags=tags))

        assert [row.tags for row in store.read(["pydata"]).containers] == [
            '{"envsync.owner":"first"}'
        ]

    def test_an_update_can_set_the_owner_of_the_container(self, store: Store) -> None:
        store.create_version(NewVersion("pydata", "1", SPEC))
        store.update_version("pydata", "1", None, {"envsync.owner": "late"})
        store.update_version("pydata", "1", None, {})

        assert [row.tags for row in store.read([], "late").containers] == [
            '{"envsync.owner":"late"}'
        ]

    def test_seeding_a_curated_version_twice_keeps_one_version(self, store: Store) -> None:
        curated = NewVersion("AzureML-sklearn", "1", SPEC)
        store.seed_curated(curated)
        store.seed_curated(curated)
        store.seed_curated(NewVersion("AzureML-sklearn", "2", SPEC))

        rows = store.read(None).versions
        assert [(row.name, row.version, row.curated) for row in rows] == [
            ("AzureML-sklearn", "1", 1),
            ("AzureML-sklearn", "2", 1),
        ]

    def test_a_version_cannot_be_added_to_a_curated_environment(self, store: Store) -> None:
        store.seed_curated(NewVersion("sklearn-1.5", "1", SPEC))

        with pytest.raises(TargetError, match=r"sklearn-1\.5 is a curated environment"):
            store.create_version(NewVersion("sklearn-1.5", "2", SPEC))

    def test_searching_for_an_owner_uses_an_index(self, path: Path, store: Store) -> None:
        store.create_version(NewVersion("pydata", "1", SPEC))

        with closing(sqlite3.connect(path)) as connection:
            # In a table WITHOUT ROWID, every index contains the primary key. The primary key of
            # `containers` is the name: https://www.sqlite.org/withoutrowid.html
            for table in ("containers", "versions"):
                steps = connection.execute(
                    # The names of the tables are the constants above.
                    f"EXPLAIN QUERY PLAN SELECT name FROM {table} WHERE owner = :owner",  # noqa: S608
                    {"owner": "ada"},
                ).fetchall()
                assert [step[3] for step in steps] == [
                    f"SEARCH {table} USING COVERING INDEX {table}_by_owner (owner=?)"
                ]
