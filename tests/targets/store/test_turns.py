"""Several threads commit their writes together: a write that has ended is on disk."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from envsync.targets.store import turns as module
from envsync.targets.store.failures import explained
from envsync.targets.store.turns import Turns

Write = Callable[[sqlite3.Connection], object]


class Sharing:
    """Threads that share one connection to a file with the table `numbers`.

    Attributes:
        commits: the number of commits.
    """

    def __init__(self, path: Path, pool: ThreadPoolExecutor) -> None:
        self.path = path
        self.commits = 0
        self.turns = Turns()
        self._pool = pool
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("CREATE TABLE numbers (number UNIQUE)")
        self.connection.set_trace_callback(self._count)

    def _count(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    def write(self, write: Write) -> None:
        with self.turns.turn(), self.turns.write(self.connection) as commit:
            write(self.connection)
        self.turns.wait(commit)

    def together(self, *writes: Write) -> list[Future[None]]:
        """Starts the first write, and the others one after another while the first one waits."""
        go = threading.Event()

        def first(connection: sqlite3.Connection) -> None:
            writes[0](connection)
            assert go.wait(30)

        started = [self._pool.submit(self.write, first)]
        for number, write in enumerate(writes[1:], 1):
            started.append(self._pool.submit(self.write, write))
            self.until_waiting(number)
        go.set()
        return started

    def until_waiting(self, count: int) -> None:
        end = time.monotonic() + 30
        while self.turns.waiting < count:
            assert time.monotonic() < end
            time.sleep(0.001)

    def on_disk(self) -> list[int]:
        """Returns the numbers that another connection reads."""
        with closing(sqlite3.connect(self.path)) as other:
            return [number for (number,) in other.execute("SELECT * FROM numbers ORDER BY number")]


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Sharing]:
    with ThreadPoolExecutor(8) as pool:
        sharing = Sharing(tmp_path / "numbers.db", pool)
        yield sharing
    sharing.connection.close()


def insert(number: int) -> Write:
    return lambda connection: connection.execute("INSERT INTO numbers VALUES (?)", (number,))


def test_a_single_write_is_committed_at_once(sharing: Sharing) -> None:
    sharing.write(insert(1))

    assert (sharing.on_disk(), sharing.commits) == ([1], 1)


def test_waiting_writes_share_a_commit(sharing: Sharing) -> None:
    for write in sharing.together(*map(insert, range(5))):
        write.result(30)

    assert (sharing.on_disk(), sharing.commits) == ([0, 1, 2, 3, 4], 1)


def test_no_write_ends_before_its_commit(sharing: Sharing) -> None:
    found: list[tuple[int, list[int]]] = []

    def write(number: int) -> None:
        sharing.write(insert(number))
        found.append((number, sharing.on_disk()))

    with ThreadPoolExecutor(8) as pool:
        for item in [pool.submit(write, number) for number in range(100)]:
            item.result(30)

    assert [number for number, on_disk in found if number not in on_disk] == []
    assert len(found) == 100


def test_a_failed_write_does_not_undo_the_writes_that_share_its_transaction(
    sharing: Sharing,
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        insert(2)(connection)
        raise LookupError

    writes = sharing.together(insert(1), fail, insert(3))

    assert [type(item.exception(30)) for item in writes] == [type(None), LookupError, type(None)]
    assert sharing.on_disk() == [1, 3]


def test_a_failed_commit_fails_every_write(sharing: Sharing) -> None:
    sharing.connection.execute("PRAGMA foreign_keys = ON")
    sharing.connection.execute(
        "CREATE TABLE copies (number REFERENCES numbers (number) DEFERRABLE INITIALLY DEFERRED)"
    )

    def missing(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO copies VALUES (9)")

    writes = sharing.together(insert(1), missing, insert(2))

    assert [type(item.exception(30)) for item in writes] == [sqlite3.IntegrityError] * 3
    assert sharing.on_disk() == []
    sharing.write(insert(4))
    assert sharing.on_disk() == [4]


def test_a_write_that_rolls_back_the_whole_transaction_fails_every_write(sharing: Sharing) -> None:
    def roll_back(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR ROLLBACK INTO numbers VALUES (1)")

    writes = sharing.together(insert(1), roll_back)

    assert [type(item.exception(30)) for item in writes] == [sqlite3.IntegrityError] * 2
    sharing.write(insert(2))
    assert sharing.on_disk() == [2]


def test_a_commit_before_a_read_writes_waiting_writes_to_disk(sharing: Sharing) -> None:
    read: list[list[int]] = []

    def first(connection: sqlite3.Connection) -> None:
        insert(1)(connection)
        reader.start()
        sharing.until_waiting(1)

    def look() -> None:
        with sharing.turns.turn():
            sharing.turns.commit()
            read.append(sharing.on_disk())

    reader = threading.Thread(target=look)
    sharing.write(first)
    reader.join()

    assert read == [[1]]


def test_a_write_is_committed_if_the_waiting_thread_gives_up(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    # Count a thread that never takes its turn.
    sharing.turns.waiting += 1
    sharing.write(insert(1))

    assert sharing.on_disk() == [1]


def test_a_write_that_cannot_be_undone_alone_fails_every_write(sharing: Sharing) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        insert(2)(connection)
        # Without its savepoint, the write cannot be undone alone.
        connection.execute("RELEASE write")
        raise LookupError

    done, failed = sharing.together(insert(1), fail)

    assert isinstance(failed.exception(30), LookupError)
    failure = done.exception(30)
    assert isinstance(failure, sqlite3.Error)
    assert str(explained(Path("local.db"), failure)) == (
        "local.db cannot be used: a write in the same transaction was interrupted."
    )
    sharing.write(insert(3))
    assert sharing.on_disk() == [3]
