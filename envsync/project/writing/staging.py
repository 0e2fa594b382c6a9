"""Writes directories that appear complete or not at all, and never replaces an existing one."""

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
"""Seconds after which an unfinished directory is removed. An import in progress is younger."""


_in_use: set[Path] = set()


@contextmanager
def staging(beside: Path) -> Iterator[Path]:
    """Yields a new hidden directory, which is removed at the end of the block.

    envsync searches no hidden directory for environments, so that an import that was killed leaves
    nothing that counts.

    Args:
        beside: the directory that contains the hidden directory. A rename is atomic only within one
            file system.

    Raises:
        EnvsyncError: the directory cannot be written.
    """
    try:
        beside.mkdir(parents=True, exist_ok=True)
        _sweep(beside)
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=beside))
        # If the process is killed, git must not see the directory.
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
    """Removes all staging directories that still exist, before the process is ended."""
    for directory in tuple(_in_use):
        shutil.rmtree(directory, ignore_errors=True)


def publish(staged: Path, final: Path) -> None:
    """Moves a complete directory to its final path.

    Raises:
        EnvsyncError: the final path exists now, or the directory cannot be moved.
    """
    # `rename` replaces an empty directory on some systems.
    if os.path.lexists(final):
        raise EnvsyncError(f"{final} exists now. Nothing was overwritten. Run the command again.")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(final)
    except OSError as error:
        raise EnvsyncError(f"{final} cannot be written: {error.strerror or error}.") from error


def _sweep(directory: Path) -> None:
    """Removes the unfinished directories that killed processes have left."""
    for leftover in directory.glob(_PREFIX + "*"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(leftover)
