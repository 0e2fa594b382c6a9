"""Reads the header of a SQLite file, to find out whether the file is a local target of envsync.

A file gets its final name only when it is complete, so its header is complete as well. Each change
of the table format must end with a WAL checkpoint, which writes the new format number into the
header.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from envsync.model.errors import TargetError
from envsync.targets.store.tables import APPLICATION_ID, SCHEMA_VERSION

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_LENGTH: Final = 100


def is_local_target(file: Path, shown: Path) -> bool:
    """Returns whether a file exists and belongs to envsync. Reads only the file's header.

    Args:
        file: the path of the file, with symbolic links resolved.
        shown: the path in messages.

    Raises:
        TargetError: the path is not a file that this version of envsync can use.
    """
    header = _header(file, shown)
    if header is None:
        journal = journal_of(file)
        # The journal contains committed writes, which would be lost if envsync created a new file.
        # Read the header again, because another process has possibly created the file in the
        # meantime.
        if journal.exists() and _header(file, shown) is None:
            raise TargetError(
                f"{shown} does not exist, but its journal {journal.name} exists. Put the file "
                "back, or remove the journal to start with an empty target."
            )
        return False
    # The header contains `user_version` at offset 60, and `application_id` at offset 68:
    # https://www.sqlite.org/fileformat2.html#the_database_header
    version = _number(header, 60)
    ours = header[: len(_MAGIC)] == _MAGIC and _number(header, 68) == APPLICATION_ID
    if not ours or version < 1:
        raise TargetError(
            f"{shown} is not a local target of envsync and was not changed. Move it away, or "
            "change `path` of the target in envsync.yaml."
        )
    if version > SCHEMA_VERSION:
        raise TargetError(
            f"{shown} was written by a newer envsync (format {version}; this envsync reads formats "
            f"up to {SCHEMA_VERSION}) and was not changed. Update envsync."
        )
    return True


def journal_of(file: Path) -> Path:
    """Returns the path of the `-wal` file, which contains writes that are not in the file yet."""
    return file.with_name(file.name + "-wal")


def _header(file: Path, shown: Path) -> bytes | None:
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise TargetError(
                f"{shown} is {kind}. Set `path` of the local target in envsync.yaml to a file."
            )
        with file.open("rb") as opened:
            return opened.read(_HEADER_LENGTH).ljust(_HEADER_LENGTH, b"\0")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TargetError(f"{shown} cannot be read: {error.strerror}.") from error


def _number(header: bytes, offset: int) -> int:
    return int.from_bytes(header[offset : offset + 4], "big", signed=True)
