"""Standard streams whose writes never fail.

A command that writes to a target must not stop half way because its output cannot be written. The
output can fail in three ways: a reader such as `head` closes the pipe, the disk is full, or a shell
has closed the stream (`>&-`). After the first error, a stream drops all text. `error_of` returns
this error.
"""

from __future__ import annotations

import errno
import io
import os
import select
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TextIO

NO_LIMIT: Final = 1_000_000
"""The number of columns of a line that is never wrapped."""

_PART: Final = 1000
"""The number of characters that are written to a non-blocking stream at once.

UTF-8 has at most four bytes for a character, so a part fits into the buffer of 8192 bytes.
"""

_STANDARD: Final = 3
"""The number of standard file descriptors: 0, 1 and 2."""


class _Buffer(io.BufferedWriter):
    """The buffer of a stream that has no buffer, because PYTHONUNBUFFERED is set.

    Without a buffer, Python drops the rest of a text of which only a part was written.
    """


class _Output(io.TextIOWrapper):
    """A text stream that keeps the first error and then drops all text.

    The class is not a binary stream below a `TextIOWrapper`. A signal that arrives while Python
    code of a binary stream returns would make `io.BufferedWriter` write the same bytes twice.

    Attributes:
        error: the first error, or None if all text was written.
    """

    error: OSError | None = None

    def write(self, text: str, /) -> int:
        """Writes a text or drops it. Always returns the length of the text.

        Raises:
            TypeError: `text` is not a string.
        """
        _ensure_text(text)
        # A non-blocking stream can be full. Some programs, such as Node.js, let envsync inherit a
        # non-blocking pipe. Write small parts, because a full `io.BufferedWriter` drops bytes.
        size = len(text) if self._is_blocking() else _PART
        for start in range(0, len(text), size or 1):
            if self.error is None:
                self._try(partial(super().write, text[start : start + size]))
                self.flush()
        return len(text)

    def flush(self) -> None:
        """Writes the text in the buffers, and waits while a non-blocking stream is full."""
        while self.error is None and not self._try(super().flush):
            select.select([], [self], [])

    def release(self) -> None:
        """Detaches the buffer, which the end of this stream would close otherwise.

        The original stream uses the buffer.
        """
        buffer = self.detach()
        if isinstance(buffer, _Buffer):
            buffer.detach()

    def _try(self, action: Callable[[], object]) -> bool:
        """Calls a function that writes. Returns False if the stream is full for the moment."""
        try:
            action()
        except BlockingIOError:
            return False
        except OSError as error:
            self.error = error
            self._drop()
        return True

    def _drop(self) -> None:
        """Redirects the stream to the null device, so that Python can flush its buffers at exit.

        https://docs.python.org/3/library/signal.html#note-on-sigpipe
        """
        with suppress(OSError):
            descriptor = self.fileno()
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), descriptor)

    def _is_blocking(self) -> bool:
        try:
            return os.name == "nt" or os.get_blocking(self.fileno())
        except OSError:  # a test can have replaced the stream by one without a descriptor
            return True


class _Closed(_Output):
    """A stream that was closed before the start of the process."""

    def write(self, text: str, /) -> int:
        """Drops the text. The first text sets `error`.

        Raises:
            TypeError: `text` is not a string.
        """
        _ensure_text(text)
        self.error = self.error or OSError(errno.EBADF, os.strerror(errno.EBADF))
        return len(text)


def _ensure_text(text: object) -> None:
    # click writes empty bytes to a stream to find out whether the stream is binary.
    if not isinstance(text, str):
        raise TypeError(f"write() argument must be str, not {type(text).__name__}")


@contextmanager
def unfailing_streams() -> Iterator[None]:
    """Replaces the standard streams during the block. A closed stream is replaced as well."""
    _fill_descriptors()
    before = sys.stdin, sys.stdout, sys.stderr
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BytesIO())
    elif isinstance(sys.stdin, io.TextIOWrapper):
        # An answer in the terminal can contain any bytes.
        sys.stdin.reconfigure(errors="replace")
    sys.stdout, sys.stderr = replaced = _unfailing(sys.stdout), _unfailing(sys.stderr)
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        for stream in replaced:
            if isinstance(stream, _Output):
                stream.release()


def error_of(stream: TextIO) -> OSError | None:
    """Returns the first error of a standard stream, or None if all its text was written."""
    # rich replaces the stream while it shows progress, and passes attributes on.
    error = getattr(stream, "error", None)
    return error if isinstance(error, OSError) else None


def reason_of(error: OSError) -> str:
    """Returns the reason why a standard stream cannot be written, for a message."""
    return "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)


def understands_escapes(stream: TextIO) -> bool:
    """Returns True if a stream is a terminal with colours and cursor movement."""
    return stream.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def line_width(stream: TextIO) -> int:
    """Returns the maximum number of columns of a line.

    The variable COLUMNS decides. Otherwise, the width is the width of the terminal. If the stream
    is not a terminal, a line can have any length, so that other programs can search the text.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return shutil.get_terminal_size().columns if stream.isatty() else NO_LIMIT


def _fill_descriptors() -> None:
    """Opens the null device for each standard file descriptor that is closed.

    Otherwise, the next file that is opened, such as the database of a local target, would get the
    descriptor, and a child process would write its output to this file.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _unfailing(stream: TextIO | None) -> TextIO:
    # On Windows, the code page of a pipe may lack characters, such as arrows. Escape them.
    errors = "backslashreplace"
    if stream is None:
        return _Closed(io.BytesIO(), encoding="utf-8", errors=errors)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    binary = stream.buffer
    buffer = _Buffer(binary) if isinstance(binary, io.RawIOBase) else binary
    return _Output(buffer, encoding=stream.encoding, errors=errors)
