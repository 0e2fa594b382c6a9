"""Counts the cores, and decides in how many processes a long list is handled."""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

MAX_PROCESSES: Final = 4
"""Maximum number of processes. A container can see more cores than it may use."""

SIGNALS_THREAD: Final = "envsync-signals"
"""The name of the thread that waits for signals. This thread holds no lock while it waits."""


def process_count(items: int, *, least: int) -> int:
    """Returns the number of processes in which a list is handled.

    The number is 1 if the list is short, or if this process cannot be forked safely.

    Args:
        items: the length of the list.
        least: the minimum number of items for each process, so that the process is worth its time.
    """
    count = max(1, min(MAX_PROCESSES, cores(), items // least))
    return count if count == 1 or _may_fork() else 1


def cores() -> int:
    """Returns the number of cores that this process may use."""
    available = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(available(0)) if available else os.cpu_count() or 1


def _may_fork() -> bool:
    """Returns whether this process can be forked safely.

    A fork copies only the thread that calls `fork`. If another thread holds a lock at this time,
    the fork waits for the lock forever.
    """
    if not hasattr(os, "fork"):
        return False
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
