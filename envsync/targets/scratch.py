"""Temporary directories that are removed even if a signal such as SIGTERM ends the process.

If the process is killed, the next run of `envsync apply` removes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PREFIX: Final = "envsync-context-"

_in_use: set[str] = set()


@contextmanager
def scratch_directory() -> Iterator[str]:
    """Yields a new directory, which is removed at the end of the block or by `remove_scratch`."""
    from envsync.targets.leftovers import locked_directory

    with locked_directory(_PREFIX) as path:
        directory = str(path)
        _in_use.add(directory)
        try:
            yield directory
        finally:
            _in_use.discard(directory)


def remove_abandoned_scratch() -> None:
    """Removes the scratch directories that killed processes have left."""
    from envsync.targets.leftovers import remove_leftovers

    remove_leftovers(_PREFIX)


def remove_scratch() -> None:
    """Removes this process's scratch directories. Called before the process ends.

    The removal is tried three times, because a thread is possibly still writing to a directory.
    """
    import shutil

    for _ in range(3):
        for directory in tuple(_in_use):
            shutil.rmtree(directory, ignore_errors=True)
