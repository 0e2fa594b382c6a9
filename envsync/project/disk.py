"""Reads files and resolves paths safely.

A path from a user or a file can lead to anything, for example to a named pipe.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

MAX_PATH: Final = 4096
"""Maximum length of a path whose links are resolved. Linux cannot open a longer path."""

READ: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
"""The flags with which a file is opened for reading."""
_CHUNK: Final = 1 << 20


def real_path(path: str) -> str:
    """Returns an absolute path with symbolic links resolved. The path need not exist.

    Links in a path longer than `MAX_PATH` are not resolved, because `os.path.realpath` takes
    minutes for a path of a megabyte.
    """
    if len(path) > MAX_PATH:
        path = os.path.abspath(path)
    return path if len(path) > MAX_PATH else os.path.realpath(path)


def read_regular_file(path: str | os.PathLike[str]) -> bytes:
    """Returns the bytes of a file.

    Raises:
        OSError: the file cannot be read, or is not a regular file. Reading a named pipe would wait
            forever, and reading a device such as `/dev/zero` would never end.
        ValueError: the path contains a null character.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        is_directory = os.path.isdir(path)
        code = errno.EISDIR if is_directory else errno.EINVAL
        raise OSError(code, os.strerror(code) if is_directory else "Not a regular file")
    # A file object takes as long as reading a small file.
    handle = os.open(path, READ)
    try:
        content = os.read(handle, status.st_size + 1)
        if len(content) == status.st_size:
            return content
        # The file has changed since `stat`, or is too large for one read.
        parts = [content]
        while parts[-1]:
            parts.append(os.read(handle, _CHUNK))
        return b"".join(parts)
    finally:
        os.close(handle)


def is_utf8(name: str) -> bool:
    """Returns False if the bytes of a name are not UTF-8. Such a name contains surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
