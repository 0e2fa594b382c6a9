"""Handles Ctrl-C, SIGTERM and SIGHUP. One signal stops a command cleanly, and two signals kill it.

Before Python exits, Python waits for the threads of all thread pools. A thread that waits for the
network cannot be interrupted, so a second signal ends the process with `os._exit`.

Signals are counted in a daemon thread, because Python calls signal handlers only in the main
thread. If the main thread waits for a lock, the handler can be delayed until the lock is free:
https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, NoReturn

from envsync.cli.streams import understands_escapes
from envsync.project.processes import SIGNALS_THREAD

EXIT_INTERRUPTED: Final = 130

_SHOW_CURSOR: Final = "\x1b[?25h"
"""The terminal escape sequence that makes the cursor visible after a progress bar has hidden it."""


@contextmanager
def second_interrupt_ends() -> Iterator[None]:
    """Ends the process on the second Ctrl-C. The first Ctrl-C raises `KeyboardInterrupt`.

    If the first Ctrl-C comes in the block, a second Ctrl-C also ends the process after the block,
    while Python waits for threads. Does nothing outside the main thread. Also does nothing if
    Ctrl-C is ignored, or already has a handler.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    received: list[int] = []
    interrupted = False

    def note(number: int) -> None:
        # If a command has installed its own handler for Ctrl-C, do nothing.
        ours = signal.getsignal(signal.SIGINT) in (interrupt, _nothing)
        if number == signal.SIGINT and ours:
            if received:
                _end()
            received.append(number)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        # Raise no second KeyboardInterrupt: it would stop the cleanup after the first Ctrl-C.
        signal.signal(signal.SIGINT, _nothing)
        signal.default_int_handler(number, frame)

    with _noting(note, lambda: interrupted):
        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            if not interrupted:
                signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def finishing_on_signals(
    clean: Callable[[], None], stop: Callable[[], None] = lambda: None
) -> Iterator[Callable[[], bool]]:
    """Yields a function that returns True after Ctrl-C, SIGTERM or SIGHUP.

    A second signal ends the process, but SIGTERM after one SIGINT does not. When a GitHub workflow
    is cancelled, GitHub sends SIGINT, and 7.5 seconds later SIGTERM
    (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation).

    Args:
        clean: a function that removes temporary files. The function is called before a second
            signal ends the process.
        stop: a function that makes the target stop waiting. The function is called after the first
            signal.
    """
    received: list[int] = []

    def note(number: int) -> None:
        if number in received or (received and number == signal.SIGINT):
            _end(clean)
        received.append(number)
        _say("\nStopping after the changes that have started. Press Ctrl-C again to end at once.\n")
        stop()

    with _noting(note, lambda: False), handling(_nothing):
        yield lambda: bool(received)


@contextmanager
def _noting(note: Callable[[int], None], keep: Callable[[], bool]) -> Iterator[None]:
    """Calls `note` with the number of each signal, in a daemon thread.

    `note` is called only for signals that have a Python handler. Python calls this handler as well.

    Args:
        note: a function that is called with each signal number.
        keep: a function that is called at the end of the block. If `keep` returns True, the thread
            continues after the block.
    """
    reading, writing = os.pipe()
    # Python writes to this pipe inside the C signal handler, which must never block:
    # https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    os.set_blocking(writing, False)

    def read() -> None:
        while numbers := os.read(reading, 16):
            for number in numbers:
                note(number)
        os.close(reading)

    # A daemon thread, because at exit Python waits for every thread that is not a daemon.
    threading.Thread(target=read, name=SIGNALS_THREAD, daemon=True).start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        if not keep():
            signal.set_wakeup_fd(before)
            # After `close`, `os.read` returns no bytes, which ends the thread.
            os.close(writing)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Does nothing. This handler is installed because `_noting` needs a handler for each signal."""


def _end(clean: Callable[[], None] = lambda: None) -> NoReturn:
    """Ends the process without waiting for its threads."""
    show_cursor = _SHOW_CURSOR if understands_escapes(sys.stderr) else ""
    _say(f"{show_cursor}Ended at once. Changes that had started can be complete or missing.\n")
    clean()
    os._exit(EXIT_INTERRUPTED)


def _say(text: str) -> None:
    """Writes to standard error, unless the write would block.

    Does not use `sys.stderr`, because the main thread can hold the lock of `sys.stderr`.
    """
    with suppress(OSError, ValueError):
        # On Windows, `select` works only for sockets.
        if os.name == "nt" or select.select([], [2], [], 0)[1]:
            os.write(2, text.encode())


@contextmanager
def forwarding() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yields an empty list, to which the caller adds processes.

    Signals are forwarded to the processes in the list, and do not end this process.
    """
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        # In the foreground, the children get Ctrl-C directly from the terminal.
        if number == signal.SIGINT and _in_foreground():
            return
        for child in children:
            child.send_signal(number)

    with handling(forward):
        yield children


@contextmanager
def handling(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Installs a handler for SIGINT, SIGTERM and SIGHUP while the block runs."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    # If SIGHUP is ignored, nohup started the process, and SIGHUP must stay ignored.
    if os.name != "nt" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _in_foreground() -> bool:
    """Returns True if the terminal sends Ctrl-C to this process and its children."""
    if os.name == "nt":
        # Windows sends Ctrl-C to all processes that share a console.
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        # The process has no controlling terminal, for example in a pipeline.
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
