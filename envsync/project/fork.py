"""Handles the items of a list in this process and in forks of it, at the same time."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import signal
import sys
import warnings
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType, TracebackType
from typing import Final, Generic, NoReturn, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH: Final = 8
"""Minimum number of items that a process takes at once."""
_MAX_BATCHES: Final = 2_000
"""Maximum number of batches. Their numbers, of two bytes each, fit into every pipe."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def in_forks(
    work: Callable[[Iterator[Item]], Result],
    items: Sequence[Item],
    processes: int,
    other_work: Callable[[], object] | None = None,
) -> list[Result]:
    """Calls a function in this process and in forks, which share a list of items.

    Each call gets an iterator. Together, the iterators yield each item once. An iterator takes the
    next items from the list when they are needed, so a process that is slow takes fewer items.

    Args:
        work: the function. Its results must be picklable. What it changes in a fork is lost.
        items: the items.
        processes: the number of processes, with this process.
        other_work: called in this process before `work`, while the forks work.

    Returns:
        The result of this process, and the results of the forks. If a fork fails for any reason,
        its result is missing.
    """
    with ExitStack() as stack:
        shared: Iterable[Item] = items
        try:
            shared = stack.enter_context(_Batches(items))
        except OSError:  # too many open files
            processes = 1
        forks = [stack.enter_context(Fork(work, shared)) for _ in range(processes - 1)]
        for fork in forks:
            fork.start()
        if other_work:
            other_work()
        here = work(iter(shared))
        received = [fork.receive() for fork in forks]
        return [here, *(result for found in received if found for result in found)]


class _Batches(Generic[Item]):
    """A list of items that several processes share. Each process takes the next batch.

    The numbers of the batches are in a pipe, and the system gives each number to one process.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._length = max(BATCH, -(-len(items) // _MAX_BATCHES))

    def __enter__(self) -> _Batches[Item]:
        source, sink = os.pipe()
        self._source = open(source, "rb", buffering=0)
        with open(sink, "wb") as writer:
            writer.write(array("H", range(-(-len(self._items) // self._length))).tobytes())
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def __iter__(self) -> Iterator[Item]:
        while number := self._source.read(2):
            start = int.from_bytes(number, sys.byteorder) * self._length
            yield from self._items[start : start + self._length]


class Fork(Generic[Item, Result]):
    """A fork of this process that handles items and ends.

    `multiprocessing` could do the same, but importing it takes longer than reading 100 files.
    """

    def __init__(self, work: Callable[[Iterator[Item]], Result], items: Iterable[Item]) -> None:
        self._work = work
        self._items = items
        self._reader: io.BufferedReader | None = None
        self._process: int | None = None

    def __enter__(self) -> Fork[Item, Result]:
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
            with suppress(ProcessLookupError):  # Ctrl-C came just after `waitpid`
                os.kill(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)

    def start(self) -> None:
        """Starts the fork, unless the system refuses it."""
        with suppress(OSError):  # too many open files, or too many processes
            source, sink = os.pipe()
            self._reader = open(source, "rb")  # noqa: SIM115 - `__exit__` closes it
            with open(sink, "wb") as writer, _blocked_signals(), warnings.catch_warnings():
                # Python warns about each fork with several threads. `_may_fork` has checked them.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process = os.fork()
                if self._process == 0:
                    self._run(writer)

    def receive(self) -> tuple[Result] | None:
        """Waits for the result. Returns None if the fork failed."""
        if self._reader is None or self._process is None:
            return None
        try:
            result: Result = pickle.load(self._reader)  # noqa: S301 - our own fork wrote it
        except Exception:  # noqa: BLE001 - a fork that was killed can leave any bytes
            return None
        failed = os.waitpid(self._process, 0)[1] != 0
        self._process = None
        return None if failed else (result,)

    def _run(self, writer: io.BufferedWriter) -> NoReturn:
        """Handles items and ends the process, without the clean-up of the parent process."""
        status = 1
        try:
            # If the parent process ends, the pipe has no reader, and writing fails.
            if self._reader:
                self._reader.close()
            # The handlers belong to the parent process, which counts signals.
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            _Pickler(writer, pickle.HIGHEST_PROTOCOL).dump(self._work(iter(self._items)))
            writer.flush()
            status = 0
        finally:
            # No error is printed: the parent process handles the items, and meets the same error.
            os._exit(status)


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Blocks signals in this thread, and so in a new fork until it has removed the handlers.

    Otherwise, a signal for both processes could run the handlers of the parent process twice.
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
