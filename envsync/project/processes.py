"""Divides the work on a long list among the cores of this machine."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType, TracebackType
from typing import Final, Generic, NoReturn, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_PROCESSES: Final = 4
"""Maximum number of processes. A container can see more cores than it may use."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

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
    first, *others = (items[number::count] for number in range(count))
    with ExitStack() as stack:
        forks = [stack.enter_context(_Fork(work, part)) for part in others]
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


class _Fork(Generic[Item, Result]):
    """A fork of this process that handles one part and ends.

    `multiprocessing` could do the same, but importing it takes longer than reading 100 files.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Result], part: Sequence[Item]) -> None:
        self._work = work
        self._part = part
        self._reader: io.BufferedReader | None = None
        self._process: int | None = None

    def __enter__(self) -> _Fork[Item, Result]:
        with suppress(OSError):  # too many open files, or too many processes
            source, sink = os.pipe()
            self._reader = open(source, "rb")
            with open(sink, "wb") as writer, _without_signals(), warnings.catch_warnings():
                # Python warns about each fork with several threads. `_may_fork` has checked them.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process = os.fork()
                if self._process == 0:
                    self._run(writer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._reader:
            self._reader.close()
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)

    def receive(self) -> tuple[Result] | None:
        """Waits for the result. Returns None if the fork failed."""
        if self._reader is None or self._process is None:
            return None
        data = self._reader.read()
        process, self._process = self._process, None
        failed = os.waitpid(process, 0)[1] != 0 or not data
        return None if failed else (pickle.loads(data),)  # noqa: S301 - our own fork wrote it

    def _run(self, writer: io.BufferedWriter) -> NoReturn:
        """Handles the part and ends the process, without the clean-up of the parent process."""
        status = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            _Pickler(writer, pickle.HIGHEST_PROTOCOL).dump(self._work(self._part))
            writer.flush()
            status = 0
        finally:
            # No error is printed: the parent process handles the part, and meets the same error.
            os._exit(status)


@contextmanager
def _without_signals() -> Iterator[None]:
    """Delays signals until the end of the block.

    A signal in a new fork would run the handlers of the parent process, so the parent process would
    count the signal twice.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read_only(items: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(items)


class _Pickler(pickle.Pickler):
    """Also pickles read-only mappings, such as the tags of an environment."""

    dispatch_table = copyreg.dispatch_table | {
        MappingProxyType: lambda mapping: (_read_only, (dict(mapping),))
    }
