"""Temporary directories that are removed even if the process is terminated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_in_use: set[str] = set()


@contextmanager
def scratch_directory() -> Iterator[str]:
    """Yields a new directory, which is removed at the end of the block or by `remove_scratch`."""
    import tempfile

    # Ignore cleanup errors, because `remove_scratch` can remove the directory at the same time when
    # the process is terminated.
    with tempfile.TemporaryDirectory(prefix="envsync-", ignore_cleanup_errors=True) as directory:
        _in_use.add(directory)
        try:
            yield directory
        finally:
            _in_use.discard(directory)


def remove_scratch() -> None:
    """Removes all scratch directories that still exist, before the process ends.

    The removal is tried three times, because a thread is possibly still writing to a directory.
    """
    import shutil

    for _ in range(3):
        for directory in tuple(_in_use):
            shutil.rmtree(directory, ignore_errors=True)
