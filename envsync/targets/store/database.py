"""The SQLite file of a local target: how it is made and opened, and what its failures mean.

An operation is one transaction, and is on disk when it returns (WAL with `synchronous = FULL`).
Several threads and processes may use one file at once. A file that is not ours, is damaged or comes
from a newer envsync is refused before SQLite touches it, and stays as it is.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from envsync.model.errors import TargetError
from envsync.targets.store.failures import BUSY_TIMEOUT, damaged, explained, is_unwritable
from envsync.targets.store.tables import APPLICATION_ID, CREATE_SCRIPT, SCHEMA_VERSION

_MAGIC = b"SQLite format 3\0"
_HEADER_LENGTH = 100


class Database:
    """One SQLite file and this process's connection to it.

    The file is made by the first write; until then, readers see nothing and create nothing.

    Attributes:
        path: the file, as messages name it.
        directory: where it lies, symbolic links resolved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = Path(os.path.realpath(path))
        self.directory = self._file.parent
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection that sees one state throughout; None where there is no file yet.

        Raises:
            TargetError: the file cannot be read.
        """
        with self._lock, self._failures_explained():
            connection = self._open()
            if connection is None:
                yield None
                return
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else writes beside, on disk as a whole when the block ends.

        An error in the block leaves the file as it was.

        Raises:
            TargetError: the file cannot be read or written.
        """
        with self._lock, self._failures_explained():
            connection = self._open()
            if connection is None:
                self._create()
                connection = self._open()
            if connection is None:
                raise TargetError(f"{self.path} was removed while envsync worked with it.")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    def exists(self) -> bool:
        """Whether the file has been made.

        Raises:
            TargetError: there is something that cannot be used.
        """
        with self._lock, self._failures_explained():
            return self._open() is not None

    def close(self) -> None:
        """Closes the connection; the database is not used afterwards."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def make_directory(self) -> None:
        """Makes the directory of the file, hidden from git where it is envsync's own.

        That is, where it is called `.envsync` or did not exist: it gets a `.gitignore` of `*`.

        Raises:
            TargetError: it cannot be made.
        """
        try:
            missing = [
                path for path in (self.directory, *self.directory.parents) if not path.exists()
            ]
            self.directory.mkdir(parents=True, exist_ok=True)
            for path in missing:
                sync(path.parent)
            if missing or self.directory.name == ".envsync":
                with suppress(FileExistsError), (self.directory / ".gitignore").open("x") as file:
                    file.write("*\n")
        except OSError as error:
            raise TargetError(
                f"The directory {self.path.parent} for the local target cannot be made: "
                f"{error.strerror}."
            ) from error

    def _open(self) -> sqlite3.Connection | None:
        if self._closed:
            raise TargetError(f"The local target {self.path} has been closed.")
        if self._connection is None and self._is_there():
            try:
                self._connection = self._connect("mode=rw")
            except sqlite3.OperationalError as error:
                # A directory that cannot be written has no room for SQLite's shared memory, which
                # a reader does not need when nobody writes.
                if not is_unwritable(error) or self._companion("-wal").exists():
                    raise
                self._connection = self._connect("immutable=1")
        return self._connection

    def _is_there(self) -> bool:
        """Whether there is a file. Looks at its header only.

        The header is complete as soon as the file has its name, and nothing changes it later. A
        schema change in place, when there is one, has to checkpoint before it ends.
        """
        header = self._header()
        if header is None:
            if self._companion("-wal").exists() and self._header() is None:
                raise TargetError(
                    f"{self.path} is gone, but its journal {self._companion('-wal').name} is still "
                    "there. Put the file back, or remove the journal to start afresh."
                )
            return False
        version = _number(header, 60)
        ours = header[: len(_MAGIC)] == _MAGIC and _number(header, 68) == APPLICATION_ID
        if not ours or version < 1:
            raise TargetError(
                f"{self.path} is not a local target of envsync. It was left as it is: move it "
                "away, or give the target another path in envsync.yaml."
            )
        if version > SCHEMA_VERSION:
            raise TargetError(
                f"{self.path} was written by a newer envsync (format {version}; this one knows "
                f"{SCHEMA_VERSION}). It was left as it is: update envsync."
            )
        return True

    def _header(self) -> bytes | None:
        try:
            mode = self._file.stat().st_mode
            if not stat.S_ISREG(mode):
                kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
                raise TargetError(
                    f"{self.path} is {kind}. Give the local target the path of a file in "
                    "envsync.yaml."
                )
            with self._file.open("rb") as file:
                return file.read(_HEADER_LENGTH).ljust(_HEADER_LENGTH, b"\0")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise TargetError(f"{self.path} cannot be read: {error.strerror}.") from error

    def _companion(self, suffix: str) -> Path:
        return self._file.with_name(self._file.name + suffix)

    def _connect(self, query: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._file.as_uri()}?{query}",
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")  # macOS: through the drive's cache, too
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Makes the file under another name and then gives it its own.

        So a file under its own name is always complete, whoever is killed when, and of several
        processes that begin at once, all use the file of the first.
        """
        self.make_directory()
        temporary = self._companion(f".{secrets.token_hex(8)}.new")
        try:
            with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(CREATE_SCRIPT)
            self._publish(temporary)
            sync(self.directory)
        except OSError as error:
            raise TargetError(f"{self.path} cannot be created: {error.strerror}.") from error
        finally:
            with suppress(OSError):
                temporary.unlink()

    def _publish(self, temporary: Path) -> None:
        with suppress(FileExistsError):
            try:
                os.link(temporary, self._file)
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links
                self._file.touch(exist_ok=False)
                temporary.replace(self._file)

    @contextmanager
    def _failures_explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a mistake in this package, not in the file
        except sqlite3.Error as error:
            raise explained(self.path, error) from error
        except UnicodeEncodeError as error:
            raise TargetError(
                f"{self.path} takes Unicode text only, not {error.object!r}."
            ) from error
        except ValueError as error:  # JSON in a row that no longer is JSON
            raise damaged(self.path, error) from error


def sync(path: Path) -> None:
    """Brings a file, or the names in a directory, to the disk itself."""
    if os.name == "nt" and path.is_dir():
        return  # Windows neither opens directories nor needs to
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has ended the transaction itself after some errors, such as a full disk.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def _number(header: bytes, offset: int) -> int:
    return int.from_bytes(header[offset : offset + 4], "big", signed=True)
