"""`open_to_append`: opens a log file, but no pipe or socket, because writing to them can block."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TextIO

# With O_NONBLOCK, opening a named pipe fails at once if no process reads from it. With O_NOCTTY, an
# opened terminal does not become the controlling terminal of this process. Windows has neither
# flag.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def open_to_append(path: Path, mode: int = 0o666) -> TextIO:
    """Opens a file or a terminal to append text, and creates the file if it does not exist.

    Refuses a pipe or a socket, because a write can wait for ever if no process reads from it.

    Args:
        path: a file, or a character device such as a terminal or `/dev/null`.
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
        # In non-blocking mode, writing to a slow terminal would fail.
        os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "a", encoding="utf-8")


def _refused() -> OSError:
    return OSError(errno.EINVAL, "it is not a regular file or a terminal")
