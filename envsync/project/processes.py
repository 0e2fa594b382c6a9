"""Divides the work on a long list among the cores of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_PROCESSES: Final = 4
"""Maximum number of processes. A container can see more cores than it may use."""

SIGNALS_THREAD: Final = "signals"
"""The name of the thread that waits for signals. This thread holds no lock while it waits."""


def divide(
    work: Callable[[Sequence[Item]], Result], items: Sequence[Item], *, least: int
) -> list[tuple[Sequence[Item], Result]]:
    """Divides a list into parts, and calls a function with each part.

    The first part is handled in this process. Each other part is handled in a fork of this process,
    at the same time. If a fork fails for any reason, its part is handled in this process.

    Args:
        work: the function. Its result must be picklable. Its other effects are lost in a fork.
        items: the list.
        least: the minimum number of items in a part, so that a fork is worth its time.

    Returns:
        Each part with its result. The first part is first.
    """
    count = max(1, min(_cores(), len(items) // least))
    if count > 1 and not _may_fork():
        count = 1
    if count == 1:
        return [(items, work(items))]
    # Imported here, because most projects are small.
    from envsync.project.fork import Fork

    first, *others = (items[number::count] for number in range(count))
    with ExitStack() as stack:
        forks = [stack.enter_context(Fork(work, part)) for part in others]
        done = [(first, work(first))]
        for part, fork in zip(others, forks, strict=True):
            received = fork.receive()
            done.append((part, received[0] if received else work(part)))
    return done


def _cores() -> int:
    available = getattr(os, "sched_getaffinity", None)  # Linux only
    return min(MAX_PROCESSES, len(available(0))) if available else 1


def _may_fork() -> bool:
    """Returns False if a fork could wait forever for a lock, which no thread of it would release.

    A fork copies only the thread that calls `fork`. So no other thread may hold a lock.
    """
    others = [item for item in threading.enumerate() if item is not threading.current_thread()]
    try:
        # A thread of a C library, such as NumPy's, is not in `threading.enumerate`.
        count = len(os.listdir("/proc/self/task"))
    except OSError:
        return False
    return count == 1 + len(others) and all(item.name == SIGNALS_THREAD for item in others)
