"""What failures of SQLite mean for people, and what they can do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from envsync.model.errors import TargetError

BUSY_TIMEOUT = 30.0
"""How long an operation waits for another process to finish its own, in seconds."""

_UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)


def is_unwritable(error: sqlite3.Error) -> bool:
    """Whether the reason may be that the file or its directory cannot be written."""
    return _code(error) in _UNWRITABLE


def damaged(path: Path, error: Exception) -> TargetError:
    """The file does not hold what a local target writes."""
    return TargetError(
        f"{path} is damaged: {error}. It was left as it is: put back a copy, or move it away to "
        "start afresh with an empty target."
    )


def explained(path: Path, error: sqlite3.Error) -> TargetError:
    """What a failure of SQLite means for the user, and what to do."""
    code = _code(error)
    if code in (None, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return damaged(path, error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        reason = f"has been in use by another process for {BUSY_TIMEOUT:g} s. Run it again."
    elif code == sqlite3.SQLITE_FULL:
        reason = "cannot grow: the disk is full. Nothing was changed; make room and run it again."
    elif code in _UNWRITABLE:
        reason = (
            "cannot be opened for writing. Check the permissions of the file and its directory, "
            "and that the file system is not read-only."
        )
    elif code == sqlite3.SQLITE_IOERR:
        reason = f"cannot be read or written: {error}. Check the disk, and run it again."
    else:
        reason = f"cannot be used: {error}."
    return TargetError(f"{path} {reason}")


def _code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code; None for errors of Python's own, which are about content."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
