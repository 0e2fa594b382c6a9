"""Damage that SQLite itself does not detect, and files without checksums."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from envsync.model.environment import EnvironmentKey, Metadata
from envsync.model.errors import TargetError
from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget
from tests.targets.contract import OURS, environment, registered

IDENTITY = TargetIdentity("local", "local", "local.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "local.db"
    with closing(LocalTarget(path, IDENTITY)) as target:
        target.create(environment())
        target.update(EnvironmentKey("pydata", "1"), Metadata("A text."), OURS)
    return path


def edit(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("old", [b"A text.", b"pydata", b"mcr."])
def test_a_changed_letter_in_a_row_is_reported_as_damage(path: Path, old: bytes) -> None:
    content = path.read_bytes()
    damaged = content.replace(old, bytes([old[0] ^ 1]) + old[1:])
    assert damaged != content
    path.write_bytes(damaged)

    with (
        closing(LocalTarget(path, IDENTITY)) as target,
        pytest.raises(TargetError, match=r"local\.db is damaged: .* The file was not changed\."),
    ):
        target.read(None)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE versions SET description = 'Another.'",
        "UPDATE containers SET archived = 1",
        "DELETE FROM checksums WHERE kind = 'versions'",
        "INSERT INTO checksums VALUES ('versions', 9, 'a')",
    ],
)
def test_a_row_without_a_checksum_is_reported_as_damage(path: Path, statement: str) -> None:
    edit(path, statement)

    with (
        closing(LocalTarget(path, IDENTITY)) as target,
        pytest.raises(TargetError, match=r"row .* of the table .* has a wrong checksum"),
    ):
        target.read(None)


def test_the_first_write_adds_checksums_to_a_file_of_format_1(path: Path) -> None:
    edit(path, "DROP TABLE checksums", "PRAGMA user_version = 1")

    with closing(LocalTarget(path, IDENTITY)) as target:
        assert registered(target).environment.metadata == Metadata("A text.")
        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
        header = path.read_bytes()[60:64]

    assert int.from_bytes(header, "big") == 2
    edit(path, "UPDATE versions SET description = 'Another.'")
    with (
        closing(LocalTarget(path, IDENTITY)) as target,
        pytest.raises(TargetError, match="wrong checksum"),
    ):
        target.read(None)


def test_the_work_of_a_write_does_not_grow_with_the_number_of_versions(path: Path) -> None:
    with closing(LocalTarget(path, IDENTITY)) as target:

        def steps(name: str) -> int:
            """Creates an environment. Returns the steps of SQLite's virtual machine, in tens."""
            counted = 0

            def count() -> None:
                nonlocal counted
                counted += 1

            with target.store.database.writing() as connection:
                connection.set_progress_handler(count, 10)
            target.create(environment(name))
            with target.store.database.writing() as connection:
                connection.set_progress_handler(None, 10)
            return counted

        few = steps("few")
        for number in range(200):
            target.create(environment(f"other-{number}"))

        assert steps("many") < 2 * few
