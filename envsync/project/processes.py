"""Counts the cores, and decides in how many processes a long list is handled."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeVar

Item = TypeVar("Item")

MAX_PROCESSES: Final = 4
"""Maximum number of processes. A container can see more cores than it may use."""

SIGNALS_THREAD: Final = "envsync-signals"
"""The name of the thread that waits for signals. This thread holds no lock while it waits."""


def divided(items: Sequence[Item], *, least: int, other_work: int = 0) -> list[Sequence[Item]]:
    """Divides a list into one part for each process that should handle it.

    The list is not divided if it is short, or if this process cannot be forked safely.

    Args:
        items: the list.
        least: the minimum number of items in a part, so that a process is worth its time.
        other_work: the number of items that take as long as the other work of this process. The
            first part is shorter by this number, but not shorter than `least`.

    Returns:
        Parts in the order of the list. All parts but the first have about the same length.
    """
    size = len(items)
    count = max(1, min(MAX_PROCESSES, cores(), size // least))
    if count > 1 and not _may_fork():
        count = 1
    first = size if count == 1 else max(least, (size - other_work * (count - 1)) // count)
    rest, others = size - first, count - 1
    ends = [first + rest * part // others for part in range(1, count)]
    return [items[start:end] for start, end in pairwise((0, first, *ends))]


def cores() -> int:
    """Returns the number of cores that this process may use."""
    available = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(available(0)) if available else os.cpu_count() or 1


def _may_fork() -> bool:
    """Returns whether this process can be forked safely.

    A fork copies only the thread that calls `fork`. If another thread holds a lock at this time,
    the fork waits for the lock forever.
    """
    # Otherwise, somebody else takes the exit codes of forks.
    if signal.getsignal(signal.SIGCHLD) is not signal.SIG_DFL:
        return False
    others = [item for item in threading.enumerate() if item is not threading.current_thread()]
    try:
        # A thread of a C library, such as NumPy's, is not in `threading.enumerate`.
        count = len(os.listdir("/proc/self/task"))
    except OSError:
        return False
    return count == 1 + len(others) and all(item.name == SIGNALS_THREAD for item in others)
