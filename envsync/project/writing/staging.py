"""Writes directories atomically. An existing directory is never replaced."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from envsync.model.errors import EnvsyncError

_PREFIX: Final = ".envsync-import-"
_ABANDONED_AFTER: Final = 24 * 60 * 60
"""Age in seconds after which a staging directory is removed. An import never takes so long."""


_in_use: set[Path] = set()


@contextmanager
def staging(beside: Path) -> Iterator[Path]:
    """Yields a new hidden directory, which is removed at the end of the block.

    envsync does not search hidden directories for environments. If an import is killed, the files
    in its hidden directory therefore declare nothing.

    Args:
        beside: the directory in which the hidden directory is created. The final path must be in
            the same file system, because otherwise a rename is not atomic.

    Raises:
        EnvsyncError: the directory cannot be written.
    """
    try:
        beside.mkdir(parents=True, exist_ok=True)
        _sweep(beside)
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=beside))
        # If the process is killed, the directory stays. The `.gitignore` hides the directory from
        # git.
        (directory / ".gitignore").write_text("*\n", "utf-8")
    except OSError as error:
        raise EnvsyncError(f"{beside} cannot be written: {error.strerror or error}.") from error
    _in_use.add(directory)
    try:
        yield directory
    finally:
        _in_use.discard(directory)
        shutil.rmtree(directory, ignore_errors=True)


def remove_staging() -> None:
    """Removes the staging directories of this process. Callers end the process afterwards."""
    for directory in tuple(_in_use):
        shutil.rmtree(directory, ignore_errors=True)


def publish(staged: Path, final: Path) -> None:
    """Moves a complete directory to its final path.

    Raises:
        EnvsyncError: the final path already exists, or the directory cannot be moved.
    """
    # On some systems, `rename` replaces an existing empty directory.
    if os.path.lexists(final):
        raise EnvsyncError(f"{final} exists now. Nothing was overwritten. Run the command again.")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(final)
    except OSError as error:
        raise EnvsyncError(f"{final} cannot be written: {error.strerror or error}.") from error


def _sweep(directory: Path) -> None:
    """Removes the staging directories of processes that were killed."""
    for leftover in directory.glob(_PREFIX + "*"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(leftover)
