"""Handles a part of a list in a fork of this process, and receives the result."""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType, TracebackType
from typing import Final, Generic, NoReturn, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Fork(Generic[Item, Result]):
    """A fork of this process that handles one part and ends.

    `multiprocessing` could do the same, but importing it takes longer than reading 100 files.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Result], part: Sequence[Item]) -> None:
        self._work = work
        self._part = part
        self._reader: io.BufferedReader | None = None
        self._process: int | None = None

    def __enter__(self) -> Fork[Item, Result]:
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
