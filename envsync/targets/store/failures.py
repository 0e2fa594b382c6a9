"""Messages for failures of SQLite: what happened, and what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from envsync.model.errors import TargetError

BUSY_TIMEOUT = 30.0
"""Seconds for which an operation waits while another process has the write lock."""

_UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)


_NO_WRITE = (
    "cannot be opened for writing. Check the permissions of the file and its directory, and that "
    "the file system is not read-only."
)


def uncreatable(path: Path, error: OSError) -> TargetError:
    """Returns the error for a file that cannot be created."""
    if error.errno in (errno.EACCES, errno.EROFS):
        return TargetError(f"{path} {_NO_WRITE}")
    return TargetError(f"{path} cannot be created: {error.strerror}.")


def is_unwritable(error: sqlite3.Error) -> bool:
    """Returns whether the cause of an error can be a missing write permission."""
    return _code(error) in _UNWRITABLE


def damaged(path: Path, error: Exception) -> TargetError:
    """Returns the error for a file with content that envsync never writes."""
    return TargetError(
        f"{path} is damaged: {error}. The file was not changed. Replace it with a backup, or move "
        "it away to start with an empty target."
    )


def explained(path: Path, error: sqlite3.Error) -> TargetError:
    """Returns the error for a failure of SQLite, with the next step for the user."""
    code = _code(error)
    # envsync's statements are valid SQL, so SQLITE_ERROR shows that a table or column is missing.
    if code in (None, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return damaged(path, error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        reason = f"was in use by another process for {BUSY_TIMEOUT:g} s. Run the command again."
    elif code == sqlite3.SQLITE_FULL:
        reason = (
            "cannot grow: the disk is full. Nothing was changed. Free some disk space, then run "
            "the command again."
        )
    elif code in _UNWRITABLE:
        reason = _NO_WRITE
    elif code == sqlite3.SQLITE_IOERR:
        reason = f"cannot be read or written: {error}. Check the disk, then run the command again."
    else:
        reason = f"cannot be used: {error}."
    return TargetError(f"{path} {reason}")


def _code(error: sqlite3.Error) -> int | None:
    """Returns SQLite's primary result code, or None for an error of the `sqlite3` module itself.

    The `sqlite3` module raises an error without a code if it cannot convert a value of the
    database.
    """
    code: int | None = getattr(error, "sqlite_errorcode", None)
    # The upper bits contain the extended result code: https://www.sqlite.org/rescode.html
    return None if code is None else code & 0xFF
