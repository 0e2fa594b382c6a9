"""The SQLite file of a local target: unusable files stay unchanged, and errors name the reason."""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from envsync.model.environment import EnvironmentKey, Metadata
from envsync.model.errors import TargetError
from envsync.model.target import TargetIdentity
from envsync.targets.local.target import LocalTarget
from envsync.targets.store import database
from envsync.targets.store.tables import SCHEMA_VERSION
from tests.privileges import as_nobody, unprivileged
from tests.targets.contract import OURS, environment

IDENTITY = TargetIdentity("local", "local", "local.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.db"


@pytest.fixture
def target(path: Path) -> Iterator[LocalTarget]:
    target = LocalTarget(path, IDENTITY)
    yield target
    target.close()


def fill(path: Path, count: int = 100) -> None:
    """Writes a file with `count` environments."""
    path.write_bytes(filled(count))


@cache
def filled(count: int) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "local.db")
        with closing(LocalTarget(path, IDENTITY)) as target:
            for number in range(count):
                target.create(environment(f"pydata-{number}", description="x" * 500))
                target.update(EnvironmentKey(f"pydata-{number}", "1"), Metadata("y" * 500), OURS)
        return path.read_bytes()


def files(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.is_file()}


OPERATIONS: dict[str, Callable[[LocalTarget], object]] = {
    "read": lambda target: target.read(None),
    "read-some": lambda target: target.read(["pydata-1"], owner="churn-models"),
    "create": lambda target: target.create(environment("new")),
    "update": lambda target: target.update(EnvironmentKey("pydata-1", "1"), Metadata("z"), OURS),
    "archive": lambda target: target.set_archived("pydata-1", "1", True),
    "archive-all": lambda target: target.set_archived("pydata-1", None, True),
    "history": lambda target: target.history("pydata-1"),
}


def not_sqlite(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(50_000))


def empty(path: Path) -> None:
    path.touch()


def short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0")


def text(path: Path) -> None:
    path.write_text("targets: {local: {kind: local}}\n" * 20)


def another_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE versions (name); INSERT INTO versions VALUES (1);")


def without_header(path: Path) -> None:
    fill(path)
    with path.open("r+b") as file:
        file.write(b"\0" * 100)  # the header: https://www.sqlite.org/fileformat.html


def truncated(path: Path) -> None:
    fill(path)
    os.truncate(path, path.stat().st_size // 2)


def cut_to_one_page(path: Path) -> None:
    fill(path)
    os.truncate(path, 4096)  # SQLite's default page size


def garbled(path: Path) -> None:
    fill(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(2).randbytes(size - 4096))


def garbled_schema(path: Path) -> None:
    fill(path)
    with path.open("r+b") as file:
        # Overwrite the schema, which is on the first page after the header of 100 bytes.
        file.seek(100)
        file.write(b"\xff" * 3996)


def without_tables(path: Path) -> None:
    fill(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE versions; DROP TABLE history; DROP TABLE containers;")


def newer(path: Path) -> None:
    fill(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


class TestForeignAndDamagedFiles:
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (not_sqlite, "is not a local target"),
            (empty, "is not a local target"),
            (short, "is not a local target"),
            (text, "is not a local target"),
            (another_database, "is not a local target"),
            (without_header, "is not a local target"),
            (truncated, "is damaged"),
            (cut_to_one_page, "is damaged"),
            (garbled, "is damaged"),
            (garbled_schema, "is damaged"),
            (without_tables, "is damaged"),
            (newer, "was written by a newer envsync"),
        ],
    )
    def test_an_unusable_file_is_refused_and_stays_unchanged(
        self, path: Path, make: Callable[[Path], None], reason: str, operation: str
    ) -> None:
        make(path)
        before = files(path.parent)
        target = LocalTarget(path, IDENTITY)

        with pytest.raises(TargetError) as caught:
            OPERATIONS[operation](target)
        target.close()

        assert f"{path} {reason}" in str(caught.value)
        assert "was not changed" in str(caught.value)
        assert files(path.parent) == before

    def test_damage_to_any_page_raises_only_a_target_error(self, path: Path) -> None:
        fill(path, 30)
        whole = path.read_bytes()
        refused = 0
        for offset in range(0, len(whole), 4096):
            damage = whole[:offset] + b"\xaa" * 4096 + whole[offset + 4096 :]
            path.write_bytes(damage)
            with closing(LocalTarget(path, IDENTITY)) as target:
                for operation in ("read", "history"):
                    try:
                        OPERATIONS[operation](target)
                    except TargetError:
                        refused += 1
            assert files(path.parent) == {path.name: damage}
        # Some damaged pages cause no error, because `read` and `history` do not read every page.
        assert refused > 10

    def test_damage_to_any_bytes_raises_only_a_target_error(self, path: Path) -> None:
        fill(path, 5)
        whole = path.read_bytes()
        chance = random.Random(3)
        for _ in range(60):
            damage = bytearray(whole)
            for _ in range(chance.choice((1, 3, 300))):
                damage[chance.randrange(len(damage))] = chance.randrange(256)
            path.write_bytes(damage)
            with closing(LocalTarget(path, IDENTITY)) as target:
                for operation in OPERATIONS.values():
                    try:
                        operation(target)
                    except TargetError as error:
                        assert str(path) in str(error) or "no environment" in str(error)
            # Remove the journal, because SQLite would replay the journal into the next file.
            for companion in path.parent.glob("local.db-*"):
                companion.unlink()

    @pytest.mark.parametrize(
        ("statement", "operations"),
        [
            ("UPDATE versions SET tags = '[1]'", ["read", "update", "archive"]),
            ("UPDATE versions SET tags = '{'", ["read", "update", "archive"]),
            ("UPDATE versions SET description = x'00'", ["read", "update", "archive"]),
            ("UPDATE containers SET tags = 5.5", ["create-version", "update"]),
            (
                "INSERT INTO history VALUES (9, 'at', x'', 'create', 'pydata-1', '1', 0, 0)",
                ["history"],
            ),
            (
                "CREATE TRIGGER t BEFORE INSERT ON versions BEGIN SELECT RAISE(ABORT, 'no'); END",
                ["create-version"],
            ),
        ],
    )
    def test_rows_that_no_store_writes_are_refused(
        self, path: Path, statement: str, operations: list[str]
    ) -> None:
        fill(path, 2)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()
        before = files(path.parent)

        with closing(LocalTarget(path, IDENTITY)) as target:
            for operation in operations:
                with pytest.raises(TargetError, match=r"local\.db (is damaged|cannot be used): "):
                    if operation == "create-version":
                        target.create(environment("pydata-1", "2"))
                    else:
                        OPERATIONS[operation](target)

        assert files(path.parent) == before

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_a_journal_without_its_file_is_reported(self, path: Path, operation: str) -> None:
        journal = path.with_name("local.db-wal")
        journal.write_bytes(b"what is left of a file that was deleted")

        with (
            closing(LocalTarget(path, IDENTITY)) as target,
            pytest.raises(TargetError, match=r"but its journal local\.db-wal exists"),
        ):
            OPERATIONS[operation](target)

        assert files(path.parent) == {journal.name: b"what is left of a file that was deleted"}


class TestUnusablePlaces:
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_a_path_that_is_a_directory_is_refused(self, path: Path, operation: str) -> None:
        path.mkdir()

        with (
            closing(LocalTarget(path, IDENTITY)) as target,
            pytest.raises(TargetError, match=r"local\.db is a directory"),
        ):
            OPERATIONS[operation](target)

        assert list(path.iterdir()) == []

    def test_a_path_that_is_a_pipe_is_refused(self, path: Path, target: LocalTarget) -> None:
        os.mkfifo(path)

        with pytest.raises(TargetError, match="is not a regular file"):
            target.read(None)

    def test_a_path_below_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "state").write_text("")
        with closing(LocalTarget(tmp_path / "state" / "local.db", IDENTITY)) as target:
            assert target.read(None) == {}
            with pytest.raises(TargetError, match=r"The directory .*state .*cannot be created"):
                target.create(environment())

    def test_a_new_file_in_a_read_only_directory_is_refused(self) -> None:
        with unprivileged() as directory:
            directory.chmod(0o555)
            with closing(LocalTarget(directory / "local.db", IDENTITY)) as target, as_nobody():
                assert target.read(None) == {}
                with pytest.raises(TargetError, match=r"local\.db cannot be opened for writing"):
                    target.create(environment())

    def test_a_directory_that_cannot_be_created_is_reported(self) -> None:
        with unprivileged() as directory:
            directory.chmod(0o555)
            path = directory / ".envsync" / "local.db"
            with (
                closing(LocalTarget(path, IDENTITY)) as target,
                as_nobody(),
                pytest.raises(TargetError, match=r"cannot be created: Permission denied"),
            ):
                target.create(environment())

    def test_an_unreadable_file_is_reported(self) -> None:
        with unprivileged() as directory:
            path = directory / "local.db"
            fill(path, 1)
            path.chmod(0)
            with (
                closing(LocalTarget(path, IDENTITY)) as target,
                as_nobody(),
                pytest.raises(TargetError, match=r"cannot be read: Permission denied"),
            ):
                target.read(None)

    @pytest.mark.parametrize("operation", ["create", "update", "archive", "archive-all"])
    def test_a_read_only_file_can_be_read(self, operation: str) -> None:
        with unprivileged() as directory:
            path = directory / "local.db"
            fill(path, 3)
            directory.chmod(0o555)
            path.chmod(0o444)
            before = files(directory)
            with as_nobody(), closing(LocalTarget(path, IDENTITY)) as target:
                assert target.read(None).keys() == {"pydata-0", "pydata-1", "pydata-2"}
                with pytest.raises(TargetError, match=r"local\.db cannot be opened for writing"):
                    OPERATIONS[operation](target)
            assert files(directory) == before

    def test_an_unreadable_journal_is_not_ignored(self) -> None:
        with unprivileged() as directory:
            path = directory / "local.db"
            fill(path, 1)
            path.with_name("local.db-wal").touch()
            directory.chmod(0o555)
            with (
                closing(LocalTarget(path, IDENTITY)) as target,
                as_nobody(),
                pytest.raises(TargetError, match=r"local\.db cannot be opened"),
            ):
                target.read(None)

    def test_a_failed_write_leaves_the_file_usable(self, path: Path, target: LocalTarget) -> None:
        target.create(environment())
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = max(file.stat().st_size for file in path.parent.iterdir())
        # If the size of files is limited, a write fails in the middle, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10_000, limits[1]))
        try:
            with pytest.raises(TargetError, match=r"cannot be (read or written|grow)"):
                target.create(environment(version="2", description="x" * 100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        target.create(environment(version="3"))

        assert [item.version for item in target.read(None)["pydata"].versions] == ["1", "3"]

    def test_a_full_disk_is_reported(self, target: LocalTarget) -> None:
        with (
            pytest.raises(TargetError, match="cannot grow: the disk is full"),
            target.store.database.writing() as connection,
        ):
            # SQLite reports a full disk when the file would grow past its maximum number of pages.
            connection.execute("PRAGMA max_page_count = 1")
            connection.execute("CREATE TABLE more AS SELECT randomblob(1000000)")

    def test_a_file_locked_by_another_process_is_reported(
        self, path: Path, target: LocalTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target.create(environment())
        target.close()
        monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.05)
        patient = LocalTarget(path, IDENTITY)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TargetError, match="in use by another process"):
                patient.create(environment(version="2"))
            assert patient.read(None).keys() == {"pydata"}
            other.execute("ROLLBACK")
        patient.create(environment(version="2"))
        patient.close()

    def test_a_file_is_created_without_hard_links(
        self, path: Path, target: LocalTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Some file systems, such as FAT, have no hard links.
        def link(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
        target.create(environment())
        target.close()

        assert files(path.parent).keys() == {"local.db"}

    def test_a_file_created_by_another_process_first_is_used(
        self, path: Path, target: LocalTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = os.link
        theirs = filled(1)

        # Act as another process that creates the file after this process has found no file.
        def link_later(source: str, destination: str) -> None:
            path.write_bytes(theirs)
            link(source, destination)

        monkeypatch.setattr(os, "link", link_later)
        target.create(environment())
        target.close()

        assert files(path.parent).keys() == {"local.db"}
        with closing(LocalTarget(path, IDENTITY)) as reader:
            assert reader.read(None).keys() == {"pydata", "pydata-0"}

    def test_a_file_that_cannot_be_created_is_reported(
        self, path: Path, target: LocalTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        monkeypatch.setattr(Path, "touch", refuse)
        with pytest.raises(TargetError, match="cannot be created: Operation not permitted"):
            target.create(environment())

        assert files(path.parent) == {}

    def test_a_file_removed_right_after_its_creation_is_reported(
        self, target: LocalTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "link", lambda *_: None)

        with pytest.raises(TargetError, match="was removed while"):
            target.create(environment())
