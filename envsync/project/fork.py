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

BATCH: Final = 16
"""Minimum number of items in a batch."""
_MAX_BATCHES: Final = 2_000
"""Maximum number of batches. Their numbers, of two bytes each, fit into every pipe."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def in_forks(
    work: Callable[[Sequence[Item]], Result],
    items: Sequence[Item],
    processes: int,
    other_work: Callable[[], object] | None = None,
) -> list[Result]:
    """Calls a function with each batch of a list, in this process and in forks.

    A process takes a batch whenever it has nothing to do, so a process that is slow, or has other
    work, takes fewer batches.

    Args:
        work: the function. Its results must be picklable. What it changes in a fork is lost.
        items: the items.
        processes: the number of processes, with this process.
        other_work: called in this process first, while the forks work.

    Returns:
        The results, first those of this process. If a fork fails for any reason, the results of its
        batches are missing.
    """
    with ExitStack() as stack:
        batches: Iterable[Sequence[Item]] = [items]
        try:
            batches = stack.enter_context(_Batches(items))
        except OSError:  # too many open files
            processes = 1
        forks = [stack.enter_context(Fork(work, batches)) for _ in range(processes - 1)]
        for fork in forks:
            fork.start()
        if other_work:
            other_work()
        results = [work(batch) for batch in batches]
        for fork in forks:
            results += fork.receive()
    return results


class _Batches(Generic[Item]):
    """The batches of a list that several processes share. Each batch is taken once.

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
        # After an error, nobody needs the rest. A fork that finds no further batch ends.
        self._source.readall()
        self._source.close()

    def __iter__(self) -> Iterator[Sequence[Item]]:
        while number := self._source.read(2):
            start = int.from_bytes(number, sys.byteorder) * self._length
            yield self._items[start : start + self._length]


class Fork(Generic[Item, Result]):
    """A fork of this process that handles batches and ends.

    `multiprocessing` could do the same, but importing it takes longer than reading 100 files.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Result], batches: Iterable[Sequence[Item]]
    ) -> None:
        self._work = work
        self._batches = batches
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
            parent = os.getpid()
            source, sink = os.pipe()
            self._reader = open(source, "rb")  # noqa: SIM115 - `__exit__` closes it
            with open(sink, "wb") as writer, _blocked_signals(), warnings.catch_warnings():
                # Python warns about each fork with several threads. `_may_fork` has checked them.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process = os.fork()
                if self._process == 0:
                    self._run(writer, parent)

    def receive(self) -> list[Result]:
        """Waits for the results. Returns an empty list if the fork failed."""
        if self._reader is None or self._process is None:
            return []
        results: list[Result] = []
        try:
            while True:
                results.append(pickle.load(self._reader))  # noqa: S301 - our own fork wrote it
        except EOFError:
            pass  # the fork has ended, and its exit code says whether these are all results
        except Exception:  # noqa: BLE001 - a fork that was killed can leave any bytes
            return []
        failed = os.waitpid(self._process, 0)[1] != 0
        self._process = None
        return [] if failed else results

    def _run(self, writer: io.BufferedWriter, parent: int) -> NoReturn:
        """Handles batches and ends the process, without the clean-up of the parent process."""
        status = 1
        try:
            # Otherwise, this fork could write to a pipe that only the fork itself can read.
            if self._reader:
                self._reader.close()
            # The handlers belong to the parent process, which counts signals.
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            # Each result is pickled as soon as it is there, because the parent process waits while
            # the last results are pickled. All results are sent at the end, because this fork would
            # have to wait for the parent process if the pipe were full.
            results = io.BytesIO()
            for batch in self._batches:
                if os.getppid() != parent:
                    os._exit(status)  # nobody needs the results
                _Pickler(results, pickle.HIGHEST_PROTOCOL).dump(self._work(batch))
            writer.write(results.getbuffer())
            writer.flush()
            status = 0
        finally:
            # No error is printed: the parent process meets the same error.
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
