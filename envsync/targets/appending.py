"""`open_to_append`: opens a log file so that neither opening nor writing can wait for a reader."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TextIO

# Windows has none of these flags. With O_NONBLOCK, opening a named pipe without a reader fails at
# once, and with O_NOCTTY a terminal does not become the terminal of this process.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def open_to_append(path: Path, mode: int = 0o666) -> TextIO:
    """Opens a file or a terminal to append text, and creates the file if it does not exist.

    A pipe or a socket is refused: if its reader stops, each write would wait for ever.

    Args:
        path: the file, or a terminal or another character device such as `/dev/null`.
        mode: the permissions of a new file.

    Raises:
        OSError: the path cannot be opened, or is neither a file nor a character device.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _AT_ONCE
    try:
        descriptor = os.open(path, flags, mode)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _refused() from error
        raise
    kind = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
        os.close(descriptor)
        raise _refused()
    if stat.S_ISCHR(kind) and _AT_ONCE:
        # Without this line, writing to a slow terminal would fail.
        os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "a", encoding="utf-8")


def _refused() -> OSError:
    return OSError(errno.EINVAL, "it is not a regular file or a terminal")
