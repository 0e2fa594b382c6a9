"""Ctrl-C and termination: the first lets a command end in good order, a second ends it at once.

Python waits for the threads of its pools before it exits, and nothing interrupts a thread that
waits for an answer from the network. So a second signal ends the process without that.

Signals are counted in a thread. Python calls handlers in the main thread only, and if that is about
to wait for a lock, only once the wait is over.
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

EXIT_INTERRUPTED: Final = 130

_SHOW_CURSOR: Final = "\x1b[?25h"
"""For terminals: a progress bar hides the cursor."""


@contextmanager
def second_interrupt_ends() -> Iterator[None]:
    """Within it, and after it once there was one, a second Ctrl-C ends the process at once.

    The first raises `KeyboardInterrupt`, as ever. Does nothing where Ctrl-C is already handled or
    ignored, or in another thread than the first.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    received: list[int] = []
    interrupted = False

    def note(number: int) -> None:
        ours = signal.getsignal(signal.SIGINT) in (interrupt, _nothing)
        if number == signal.SIGINT and ours:  # a command may handle it in its own way meanwhile
            if received:
                _end()
            received.append(number)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, _nothing)  # from now on this is the thread's business alone
        signal.default_int_handler(number, frame)

    with _noting(note, lambda: interrupted):
        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            if not interrupted:
                signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def finishing_on_signals(clean: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Tells whether Ctrl-C or a termination was asked for. Asked twice, it ends the process.

    A termination after a Ctrl-C is no second request: a cancelled GitHub workflow sends the one,
    and some seconds later the other.

    Args:
        clean: removes what the process would leave behind; called before it is ended.
    """
    received: list[int] = []

    def note(number: int) -> None:
        if number in received or (received and number == signal.SIGINT):
            _end(clean)
        received.append(number)
        _say("\nStopping: what is in flight is being finished. A second Ctrl-C ends it at once.\n")

    with _noting(note, lambda: False):
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, _nothing) for number in numbers}
        try:
            yield lambda: bool(received)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _noting(note: Callable[[int], None], keep: Callable[[], bool]) -> Iterator[None]:
    """Calls `note` with the number of each signal, in a thread; afterwards too if `keep` says so.

    Only signals that have a handler count; it is called as well.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def read() -> None:
        while numbers := os.read(reading, 16):
            for number in numbers:
                note(number)
        os.close(reading)

    threading.Thread(target=read, name="signals", daemon=True).start()
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        if not keep():
            signal.set_wakeup_fd(before)
            os.close(writing)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler: without any, a signal would end the process, or not be noted."""


def _end(clean: Callable[[], None] = lambda: None) -> NoReturn:
    """Ends the process, its threads included."""
    show_cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    _say(f"{show_cursor}Interrupted at once: what was in flight may be done or not.\n")
    clean()
    os._exit(EXIT_INTERRUPTED)


def _say(text: str) -> None:
    """Writes to standard error, unless that would wait.

    `sys.stderr` itself may be in the middle of a write of the main thread.
    """
    with suppress(OSError, ValueError):
        if os.name == "nt" or select.select([], [2], [], 0)[1]:
            os.write(2, text.encode())


@contextmanager
def forwarding() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Passes signals on to the processes in a list, and outlives them."""
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and _in_foreground():
            return  # Ctrl-C reaches the command itself
        for child in children:
            child.send_signal(number)

    with handling(forward):
        yield children


@contextmanager
def handling(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handles the signals that ask a process to end."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    # Under nohup, a hang-up is to be ignored.
    if os.name != "nt" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in wanted}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _in_foreground() -> bool:
    """Whether the terminal sends Ctrl-C to the command as well as to this process."""
    if os.name == "nt":
        return True  # to all that share the console
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
