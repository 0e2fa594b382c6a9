"""Temporary directories of a run, which are removed even when the run is ended in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_in_use: set[str] = set()


@contextmanager
def scratch_directory() -> Iterator[str]:
    """A new directory, removed when the block ends, or by `remove_scratch`."""
    import tempfile

    # While a process is being ended, the directory may be gone already, or going.
    with tempfile.TemporaryDirectory(prefix="envsync-", ignore_cleanup_errors=True) as directory:
        _in_use.add(directory)
        try:
            yield directory
        finally:
            _in_use.discard(directory)


def remove_scratch() -> None:
    """Removes all directories that are in use: for a process that is about to end.

    A thread may be writing to one of them at the same time, so this tries more than once.
    """
    import shutil

    for _ in range(3):
        for directory in tuple(_in_use):
            shutil.rmtree(directory, ignore_errors=True)
