"""The SQLite file of a local target: how it is created, opened and checked.

Each operation is atomic. When an operation returns, its changes are on disk (WAL mode with
`synchronous = FULL`). Several threads and processes can use one file at the same time, and
operations of several threads can share one transaction (see `turns`). envsync does not read or
change a file that is damaged, belongs to another program, or was written by a newer envsync.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from envsync.model.errors import TargetError
from envsync.targets.leftovers import locked_directory, remove_leftovers
from envsync.targets.store import checksums
from envsync.targets.store.changed import ChangedNames
from envsync.targets.store.failures import (
    BUSY_TIMEOUT,
    damaged,
    explained,
    is_unwritable,
    uncreatable,
)
from envsync.targets.store.header import is_local_target, journal_of
from envsync.targets.store.tables import CREATE_SCRIPT, SCHEMA_VERSION
from envsync.targets.store.turns import Turns, roll_back


class Database:
    """One SQLite file and this process's connection to it.

    The first write creates the file. If the file does not exist, a read returns no environments and
    does not create the file.

    Attributes:
        path: the path of the file as shown in messages.
        directory: the directory of the file, with symbolic links resolved.
        changed: the containers that have changed since they were last read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = Path(os.path.realpath(path))
        self.directory = self._file.parent
        self.changed = ChangedNames()
        self._turns = Turns()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._upgraded = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yields a connection that reads one consistent state, or None if there is no file yet.

        Raises:
            TargetError: the file cannot be read.
        """
        with self._turns.turn(), self._failures_explained():
            self._turns.commit()
            connection = self._open()
            if connection is None:
                yield None
                return
            with _reading(connection):
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yields a connection that has the write lock.

        At the end of the block, this method waits until the changes are on disk. An error in the
        block leaves the file unchanged.

        Raises:
            TargetError: the file cannot be read or written.
        """
        with self._failures_explained():
            with self._turns.turn():
                connection = self._open_or_create()
                with self._turns.write(connection) as commit:
                    upgraded = not self._upgraded and _upgrade(connection)
                    yield connection
            self._turns.wait(commit)
            self._upgraded = True
            if upgraded:
                self._write_header(connection)

    def _open_or_create(self) -> sqlite3.Connection:
        connection = self._open()
        if connection is None:
            self._create()
            connection = self._open()
        if connection is None:
            raise TargetError(
                f"{self.path} was removed while envsync was using it. Run the command again."
            )
        return connection

    def _write_header(self, connection: sqlite3.Connection) -> None:
        """Copies the format number from the WAL into the file, where `is_local_target` reads it."""
        with self._turns.turn():
            self._turns.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def exists(self) -> bool:
        """Returns whether the file exists.

        Raises:
            TargetError: the path is not a file that envsync can use.
        """
        with self._turns.turn(), self._failures_explained():
            return self._open() is not None

    def close(self) -> None:
        """Closes the connection. A closed database cannot be opened again."""
        with self._turns.turn():
            self._turns.commit()
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def make_directory(self) -> None:
        """Creates the directory of the file.

        Hides the directory from git if the directory belongs to envsync.

        The directory belongs to envsync if it is named `.envsync` or did not exist. To hide the
        directory, envsync creates a `.gitignore` with the pattern `*`.

        Raises:
            TargetError: the directory cannot be created.
        """
        try:
            missing = [
                path for path in (self.directory, *self.directory.parents) if not path.exists()
            ]
            self.directory.mkdir(parents=True, exist_ok=True)
            # A new directory survives a power failure only after its parent has been synced.
            for path in missing:
                sync(path.parent)
            if missing or self.directory.name == ".envsync":
                with suppress(FileExistsError), (self.directory / ".gitignore").open("x") as file:
                    file.write("*\n")
        except OSError as error:
            raise TargetError(
                f"The directory {self.path.parent} for the local target cannot be created: "
                f"{error.strerror}. Check its permissions, or change `path` in envsync.yaml."
            ) from error

    def _open(self) -> sqlite3.Connection | None:
        if self._closed:
            raise TargetError(f"The local target {self.path} is closed and cannot be used.")
        if self._connection is None and is_local_target(self._file, self.path):
            try:
                self._connection = self._connect("mode=rw")
            except sqlite3.OperationalError as error:
                # For WAL mode, SQLite creates a shared-memory file in the directory. This fails if
                # the directory is read-only. With `immutable=1`, SQLite creates no shared-memory
                # file. `immutable=1` is safe only if no write is pending in the `-wal` file:
                # https://www.sqlite.org/uri.html#uriimmutable
                if not is_unwritable(error) or journal_of(self._file).exists():
                    raise
                self._connection = self._connect("immutable=1")
        return self._connection

    def _connect(self, query: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._file.as_uri()}?{query}",
            uri=True,
            timeout=BUSY_TIMEOUT,
            # If `isolation_level` is None, the sqlite3 module begins no transactions.
            isolation_level=None,
            # Several threads share the connection, and `_turns` lets only one thread use it at a
            # time.
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            # On macOS, a plain fsync leaves data in the drive's cache.
            connection.execute("PRAGMA fullfsync = ON")
            # SQLite checks foreign keys only on connections that turn the check on.
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cell_size_check = ON")
            # Run a query now to detect a damaged file early, because SQLite reads the file only at
            # the first query.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            checksums.install(connection)
            self.changed.install(connection)
            with _reading(connection):
                checksums.ensure_undamaged(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Creates the file under a temporary name and then renames it.

        A file under its final name is therefore always complete, even if a process is killed. If
        several processes create the file at the same time, all of them use the first file that gets
        the final name.
        """
        self.make_directory()
        try:
            with locked_directory(self._prefix, self.directory) as directory:
                temporary = directory / self._file.name
                with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                    connection.execute("PRAGMA synchronous = FULL")
                    # SQLite stores the journal mode in the file, so later connections do not set
                    # it.
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(CREATE_SCRIPT)
                self._publish(temporary)
            sync(self.directory)
        except OSError as error:
            raise uncreatable(self.path, error) from error

    @property
    def _prefix(self) -> str:
        """The start of the name of each temporary directory, in which a new file is created."""
        return f".{self._file.name}.new-"

    def remove_leftovers(self) -> None:
        """Removes the unfinished files that killed processes have left."""
        remove_leftovers(self._prefix, self.directory)

    def _publish(self, temporary: Path) -> None:
        with suppress(FileExistsError):
            try:
                # Creating a hard link fails if the file exists. A rename would replace a file that
                # another process has created.
                os.link(temporary, self._file)
            except FileExistsError:
                raise
            except OSError:  # The file system has no hard links.
                self._file.touch(exist_ok=False)
                temporary.replace(self._file)

    @contextmanager
    def _failures_explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            # This error shows a bug in envsync, such as the use of a closed connection, and not a
            # damaged file.
            raise
        except sqlite3.Error as error:
            raise explained(self.path, error) from error
        except UnicodeEncodeError as error:
            raise TargetError(
                f"{self.path} can store only valid Unicode text. Correct {error.object!r}."
            ) from error
        except ValueError as error:  # A row contains invalid JSON.
            raise damaged(self.path, error) from error


def sync(path: Path) -> None:
    """Flushes a file, or the entries of a directory, to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a directory as a file, and does not need this sync.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Runs the block in a read transaction, in which all reads show one consistent state."""
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def _upgrade(connection: sqlite3.Connection) -> bool:
    """Adds the checksums to a file of format 1. Returns whether the file was changed."""
    if checksums.have_checksums(connection):
        return False
    checksums.add_checksums(connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return True
