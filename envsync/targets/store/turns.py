"""`Turns`: threads use one connection in turn, and commit their writes together.

A commit waits for the disk, which takes longer than most writes. So a thread leaves the commit of
its write to the next thread, if another thread is waiting. The last thread in the queue commits the
writes of all these threads. Each thread waits for this commit. This is called a group commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_PATIENCE: Final = 1.0
"""Seconds for which a thread waits for another thread's commit before it commits itself."""


class Commit:
    """The commit of one or more writes.

    Attributes:
        ended: an event, which is set when the transaction is committed or has failed.
        failure: the error if nothing was committed, or None.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.ended = threading.Event()
        self.failure: sqlite3.Error | None = None
        self._connection = connection

    def end(self) -> None:
        """Commits the transaction. Stores an error in `failure` instead of raising it."""
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.failure = error
        finally:
            if self._connection.in_transaction:
                roll_back(self._connection)
                self.failure = self.failure or _interrupted()
            self.ended.set()

    def fail(self, error: BaseException) -> None:
        """Ends the commit after SQLite has rolled back the whole transaction."""
        self.failure = error if isinstance(error, sqlite3.Error) else _interrupted()
        self.ended.set()


class Turns:
    """Lets several threads use one connection, one thread at a time.

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
        """Makes all writes of the block, or none, and leaves the transaction open.

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
            _undo(connection)
            if not connection.in_transaction:
                self._open = None
                commit.fail(error)
            raise

    def commit(self) -> None:
        """Commits the open transaction, if there is one. Must be called within a turn.

        If the commit fails, `wait` raises the error in each thread that made a write.
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
            # The thread that should commit was possibly interrupted before its turn.
            with self._lock:
                self.commit()
        if commit.failure is not None:
            raise commit.failure

    def _count(self, change: int) -> None:
        with self._counting:
            self.waiting += change


def _interrupted() -> sqlite3.Error:
    error = sqlite3.OperationalError("a write in the same transaction was interrupted")
    # Without this code, `explained` would report a damaged file.
    error.sqlite_errorcode = sqlite3.SQLITE_INTERRUPT
    return error


def roll_back(connection: sqlite3.Connection) -> None:
    """Rolls back a transaction after an error.

    SQLite itself rolls back after some errors, such as a full disk, and a second rollback would
    fail: https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
    """
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _undo(connection: sqlite3.Connection) -> None:
    """Undoes the writes since the savepoint. If this fails, undoes the whole transaction."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO write")
            connection.execute("RELEASE write")
    except sqlite3.Error:
        roll_back(connection)
