"""Handles the parts of a list in forks of this process, at the same time."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType, TracebackType
from typing import Final, Generic, NoReturn, TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def in_forks(
    work: Callable[[Part], Result],
    parts: Sequence[Part],
    other_work: Callable[[], object] = lambda: None,
) -> list[Result]:
    """Calls a function with each part, and returns the results in the same order.

    The first part is handled in this process, and each other part in a fork. If a fork fails for
    any reason, this process handles its part.

    Args:
        work: the function. Its results must be picklable. What it changes in a fork is lost.
        parts: the parts.
        other_work: called in this process, while the forks handle their parts.
    """
    with ExitStack() as stack:
        forks = [stack.enter_context(Fork(work, part)) for part in parts[1:]]
        for fork in forks:
            fork.start()
        other_work()
        results = [work(parts[0])]
        for part, fork in zip(parts[1:], forks, strict=True):
            received = fork.receive()
            results.append(received[0] if received else work(part))
    return results


class Fork(Generic[Part, Result]):
    """A fork of this process that handles one part and ends.

    `multiprocessing` could do the same, but importing it takes longer than reading 100 files.
    """

    def __init__(self, work: Callable[[Part], Result], part: Part) -> None:
        self._work = work
        self._part = part
        self._reader: io.BufferedReader | None = None
        self._process: int | None = None

    def __enter__(self) -> Fork[Part, Result]:
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
        """Handles the part and ends the process, without the clean-up of the parent process."""
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
            _Pickler(writer, pickle.HIGHEST_PROTOCOL).dump(self._work(self._part))
            writer.flush()
            status = 0
        finally:
            # No error is printed: the parent process handles the part, and meets the same error.
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
