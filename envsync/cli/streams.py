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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

NO_LIMIT: Final = 1_000_000
"""A line width in columns that no line exceeds, so that no line is wrapped."""

_STANDARD: Final = 3
"""The number of standard file descriptors: 0, 1 and 2."""


class _Output(io.TextIOBase):
    """A text stream that keeps the first error and then drops all text.

    The stream has no buffer. With a buffer, a signal handler could not print while the main program
    writes the buffer: https://docs.python.org/3/library/io.html#reentrancy

    Attributes:
        error: the first error, or None if all text was written.
    """

    # On Windows, the code page of a pipe may lack characters, such as arrows. Escape them.
    errors = "backslashreplace"
    encoding = "utf-8"

    def __init__(self, stream: io.TextIOWrapper | None) -> None:
        """Wraps a stream, or None if the stream was closed before the start of the process."""
        self.error: OSError | None = None
        self._binary: Any = None
        if stream is not None:
            stream.flush()
            self.encoding = stream.encoding
            # With PYTHONUNBUFFERED, `stream.buffer` is already the unbuffered stream, and has no
            # `raw`.
            self._binary = getattr(stream.buffer, "raw", stream.buffer)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._binary is not None and bool(self._binary.isatty())

    def fileno(self) -> int:
        if self._binary is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._binary.fileno())

    def write(self, text: str, /) -> int:
        """Writes a text, or drops the text after an error. Always returns the length of the text.

        Raises:
            TypeError: `text` is not a string.
        """
        # click writes empty bytes to a stream to find out whether the stream is binary.
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text and self.error is None:
            lines = text if os.linesep == "\n" else text.replace("\n", os.linesep)
            try:
                self._write(memoryview(lines.encode(self.encoding, self.errors)))
            except OSError as error:
                self.error = error
        return len(text)

    def _write(self, data: memoryview) -> None:
        if self._binary is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        while data:
            count = self._binary.write(data)
            # None means that a non-blocking stream is full. Some programs, such as Node.js, let
            # envsync inherit a non-blocking pipe.
            if count is None:
                select.select([], [self._binary], [])
            else:
                data = data[count:]


@contextmanager
def unfailing_streams() -> Iterator[None]:
    """Replaces the standard streams during the block. A closed stream is replaced as well."""
    _fill_descriptors()
    before = sys.stdin, sys.stdout, sys.stderr
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    elif isinstance(sys.stdin, io.TextIOWrapper):
        # An answer in the terminal can contain any bytes.
        sys.stdin.reconfigure(errors="replace")
    sys.stdout, sys.stderr = _unfailing(sys.stdout), _unfailing(sys.stderr)
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def error_of(stream: TextIO) -> OSError | None:
    """Returns the first error of a standard stream, or None if all text was written."""
    # While rich shows progress, an object of rich replaces the stream, and has the attributes of
    # the stream.
    error = getattr(stream, "error", None)
    return error if isinstance(error, OSError) else None


def reason_of(error: OSError) -> str:
    """Returns the reason why a standard stream cannot be written, for a message."""
    return "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)


def understands_escapes(stream: TextIO) -> bool:
    """Returns True if a stream is a terminal with colours and cursor movement."""
    return stream.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def line_width(stream: TextIO) -> int:
    """Returns the maximum width of a line in columns.

    The variable COLUMNS sets the width. Without this variable, the width of the terminal is used.
    If the stream is not a terminal, a line can have any length, so that other programs can search
    the text.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return shutil.get_terminal_size().columns if stream.isatty() else NO_LIMIT


def _fill_descriptors() -> None:
    """Opens the null device for each standard file descriptor that is closed.

    Otherwise, the next opened file, such as the database of a local target, would get the
    descriptor. A child process would then write its output to this file.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _unfailing(stream: TextIO | None) -> TextIO:
    # A test may have replaced the stream with an object of another class, which cannot fail.
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        return stream
    return cast("TextIO", _Output(stream))
