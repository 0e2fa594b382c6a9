"""`Turns`: threads use one connection in turn, and commit their writes together.

A commit waits for the disk, which takes longer than most writes. So a thread does not commit its
write if another thread is waiting for its turn. The last waiting thread commits the writes of all
of them, and no write ends before this commit. In databases, this is called group commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

_PATIENCE: Final = 1.0
"""Seconds after which a thread commits its write itself, because a waiting thread has given up."""


@dataclass(slots=True, eq=False)
class Commit:
    """The commit of one or more writes.

    Attributes:
        connection: the connection with the open transaction.
        ended: set when the transaction is committed or has failed.
        failure: why nothing was committed, or None.
    """

    connection: sqlite3.Connection
    ended: threading.Event = field(default_factory=threading.Event)
    failure: sqlite3.Error | None = None

    def end(self) -> None:
        """Commits the transaction. Does not raise a failure, but keeps it for the other threads."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.failure = error
        finally:
            if self.connection.in_transaction:
                roll_back(self.connection, "ROLLBACK")
                self.failure = self.failure or sqlite3.OperationalError("interrupted")
            self.ended.set()

    def fail(self, error: BaseException) -> None:
        """Ends the commit after SQLite has rolled back the whole transaction."""
        if not isinstance(error, sqlite3.Error):
            error = sqlite3.OperationalError("interrupted")
        self.failure = error
        self.ended.set()


class Turns:
    """The turns of several threads at one connection.

    Attributes:
        waiting: the number of threads that wait for their turn.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._open: Commit | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until no other thread uses the connection.

        At the end of the block, the open transaction is committed if no other thread is waiting.
        """
        self._count(1)
        try:
            self._lock.acquire()
        finally:
            self._count(-1)
        try:
            yield
        finally:
            try:
                if not self.waiting:
                    self.commit()
            finally:
                self._lock.release()

    @contextmanager
    def write(self, connection: sqlite3.Connection) -> Iterator[Commit]:
        """Makes the writes of the block, all of them or none, in a transaction that stays open.

        Must be called within a turn. After the turn, the caller passes the commit to `wait`.

        Raises:
            sqlite3.Error: the write lock is not available, or the writes cannot be made.
        """
        if self._open is None:
            # BEGIN IMMEDIATE takes the write lock before the first read. After a plain BEGIN, the
            # first write can fail without waiting, because SQLite refuses to upgrade a stale read
            # transaction: https://www.sqlite.org/isolation.html
            connection.execute("BEGIN IMMEDIATE")
            self._open = Commit(connection)
        commit = self._open
        connection.execute("SAVEPOINT write")
        try:
            yield commit
            connection.execute("RELEASE write")
        except BaseException as error:
            roll_back(connection, "ROLLBACK TO write", "RELEASE write")
            if not connection.in_transaction:
                self._open = None
                commit.fail(error)
            raise

    def commit(self) -> None:
        """Commits the open transaction, if there is one. Must be called within a turn.

        A failure is raised by `wait`, in the threads that made the writes.
        """
        if self._open is not None:
            self._open.end()
            self._open = None

    def wait(self, commit: Commit) -> None:
        """Waits until a commit has ended.

        Raises:
            sqlite3.Error: the writes could not be committed.
        """
        while not commit.ended.wait(_PATIENCE):
            # A thread that was to commit can be interrupted before its turn.
            with self._lock:
                self.commit()
        if commit.failure is not None:
            raise commit.failure

    def _count(self, change: int) -> None:
        with self._counting:
            self.waiting += change


def roll_back(connection: sqlite3.Connection, *statements: str) -> None:
    """Rolls back after an error, unless SQLite has rolled back the whole transaction.

    SQLite itself rolls back after some errors, such as a full disk, and another rollback would
    fail: https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
    """
    for statement in statements:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute(statement)
