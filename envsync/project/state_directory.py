"""Reads and writes files in `.envsync/`, the directory for what envsync stores in a project.

A repository can contain this directory, with any content. So no link in it is followed.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Final

from envsync.project.disk import READ

NAME: Final = ".envsync"
"""The name of the directory."""

_IGNORED: Final = ".gitignore"
"""The file that keeps the directory out of git. It is written once."""

_KEPT_SECONDS: Final = 24 * 60 * 60
# With these flags, opening a link fails, and opening a named pipe does not block. Windows lacks the
# flags.
_READ: Final = READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def read_state_file(state: Path, path: Path, limit: int) -> bytes:
    """Returns the bytes of a file.

    Args:
        state: the directory `.envsync`.
        path: the file, in `state` or in a directory in `state`.
        limit: the maximum size of the file, in bytes.

    Raises:
        OSError: the file cannot be read, or a directory or the file is a link.
        ValueError: the file is not a regular file, or is too large.
    """
    ensure_directory(state)
    ensure_directory(path.parent)
    with open(os.open(path, _READ), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise ValueError("not a file of envsync")
        return file.read()


def replace_state_file(state: Path, path: Path, data: bytes) -> None:
    """Writes a file as a whole, and creates the directories if they do not exist.

    Only its owner can read the file, because it can contain what another file hides from others.

    Args:
        state: the directory `.envsync`.
        path: the file, in `state` or in a directory in `state`.
        data: the new content.

    Raises:
        OSError: the file cannot be written, or a directory is a link.
    """
    create_state_directory(state)
    path.parent.mkdir(exist_ok=True)
    ensure_directory(path.parent)
    _remove_old(path)
    temporary = path.with_suffix(f".{os.getpid()}-{get_ident()}.tmp")
    try:
        with open(os.open(temporary, _NEW, 0o600), "wb") as output:
            output.write(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def create_state_directory(state: Path) -> os.stat_result:
    """Creates the directory if it does not exist, and the file that keeps it out of git.

    Returns:
        The status of this file.

    Raises:
        OSError: the directory cannot be written, or is a link.
    """
    state.mkdir(exist_ok=True)
    ensure_directory(state)
    ignored = state / _IGNORED
    with suppress(FileExistsError), ignored.open("x") as file:
        try:
            file.write("*\n")
            file.flush()
        except OSError:
            # An empty file would hide nothing from git, and nobody would write it again.
            ignored.unlink()
            raise
    return ignored.lstat()


def _remove_old(path: Path) -> None:
    """Removes what processes that were killed have left behind, a day after they wrote it."""
    oldest = time.time() - _KEPT_SECONDS
    for temporary in path.parent.glob(f"{path.stem}.*.tmp"):
        with suppress(OSError):
            if temporary.lstat().st_mtime < oldest:
                temporary.unlink()


def ensure_directory(path: Path) -> None:
    """Raises OSError if a path is not a directory, or is a link.

    A link in a repository could lead to any directory of this machine.
    """
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(str(path))
