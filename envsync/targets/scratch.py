"""Temporary directories that are removed even if the process is terminated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_in_use: set[str] = set()


@contextmanager
def scratch_directory() -> Iterator[str]:
    """Yields a new directory. It is removed at the end of the block, or by `remove_scratch`."""
    import tempfile

    # While the process is being terminated, `remove_scratch` may remove the directory at the same
    # time.
    with tempfile.TemporaryDirectory(prefix="envsync-", ignore_cleanup_errors=True) as directory:
        _in_use.add(directory)
        try:
            yield directory
        finally:
            _in_use.discard(directory)


def remove_scratch() -> None:
    """Removes all directories that are in use. Called when the process is about to end.

    The removal is tried three times, since a thread may still be writing to a directory.
    """
    import shutil

    for _ in range(3):
        for directory in tuple(_in_use):
            shutil.rmtree(directory, ignore_errors=True)
