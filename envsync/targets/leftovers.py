"""Temporary directories. If a process is killed, the next run removes its directories.

Each directory contains a lock file, which is locked by the process that created the directory. The
lock ends with the process, even if the process is killed. If the lock file is not locked, the
directory is a leftover of a killed process.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

LOCK: Final = ".envsync-lock"
"""The name of the lock file in each directory."""

_ABANDONED_AFTER: Final = 24 * 60 * 60
"""Age in seconds after which a directory without a lock file is removed."""


_ATTEMPTS: Final = 5
"""Maximum number of attempts to create and lock a directory."""


@contextmanager
def locked_directory(
    prefix: str, parent: Path | None = None, *, remove: bool = True
) -> Iterator[Path]:
    """Yields a new directory, which is removed at the end of the block.

    Args:
        prefix: the start of the name of the directory.
        parent: the directory in which the new directory is created. If None, the directory for
            temporary files is used.
        remove: whether to remove the leftovers of killed processes first: directories that have the
            same prefix. Listing a large parent directory takes time.

    Raises:
        OSError: the directory cannot be created.
    """
    parent = parent or _directory_for_temporary_files()
    if remove:
        remove_leftovers(prefix, parent)
    directory, file = _new_directory(prefix, parent)
    try:
        with file:
            try:
                yield directory
            finally:
                # Remove the lock file last, so that the next run still recognises the directory if
                # this process is killed during the removal.
                _empty(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _new_directory(prefix: str, parent: Path) -> tuple[Path, IO[bytes]]:
    """Creates a directory with a lock file, and locks the lock file.

    Until the lock file is locked, the directory looks like a leftover, and another process can
    remove it. In this case, the function tries again with another directory.

    Returns:
        The directory, and the open lock file.
    """
    import tempfile

    for attempt in range(_ATTEMPTS):
        directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            file = (directory / LOCK).open("wb")
            try:
                _lock(file)
                (directory / LOCK).stat()
            except OSError:
                file.close()
                raise
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return directory, file
    raise AssertionError("the last attempt returns or raises")


def remove_leftovers(prefix: str, parent: Path | None = None) -> None:
    """Removes the directories that `locked_directory` created in processes that were killed.

    Args:
        prefix: the start of the names of the directories.
        parent: see `locked_directory`.
    """
    parent = parent or _directory_for_temporary_files()
    try:
        # The directory of a local target can contain thousands of build contexts.
        names = os.listdir(parent)  # noqa: PTH208 - names are enough, and paths are slow
    except OSError:
        return
    for path in (parent / name for name in names if name.startswith(prefix)):
        with suppress(OSError):
            if os.name == "nt" or path.lstat().st_uid == os.getuid():
                _remove_leftover(path)


def _directory_for_temporary_files() -> Path:
    # Imported here, because a plan needs no temporary directory, and the import is slow.
    import tempfile

    return Path(tempfile.gettempdir())


def _remove_leftover(directory: Path) -> None:
    try:
        with (directory / LOCK).open("r+b") as file:
            _lock(file)
            _empty(directory)
            shutil.rmtree(directory, ignore_errors=True)
    except (FileNotFoundError, NotADirectoryError):
        # There is no lock file. Another program created the path, or a process was killed just
        # after it created the directory or just before it removed the directory.
        with suppress(OSError):
            directory.rmdir()  # only an empty directory can be removed
        if directory.is_dir() and _age(directory) > _ABANDONED_AFTER:
            shutil.rmtree(directory)


def _empty(directory: Path) -> None:
    """Removes everything in a directory except the lock file."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            with suppress(OSError):
                path.unlink()


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _lock(file: IO[bytes]) -> None:
    """Locks an open file until it is closed.

    Raises:
        OSError: another process has locked the file.
    """
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
