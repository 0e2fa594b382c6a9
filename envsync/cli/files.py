"""Writing and reading the files that commands take and leave, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from envsync.model.errors import EnvsyncError
from envsync.plan.plan import Plan


def write_file(path: Path, text: str) -> None:
    """Writes a file so that nobody ever sees half of it.

    Raises:
        EnvsyncError: it cannot be written.
    """
    write_files({path: text.encode()})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Writes all of these files, or where one of them cannot be written none.

    Nobody ever sees half of a file. One that is there keeps its mode; a link is followed.

    Raises:
        EnvsyncError: one cannot be written.
    """
    with ExitStack() as stack:
        written: list[tuple[Path, Path]] = []
        for path, content in contents.items():
            with _told(path):
                real = path.resolve()
                written.append((_write_beside(real, content, stack), real))
        for temporary, real in written:
            with _told(real):
                temporary.replace(real)


def _write_beside(path: Path, content: bytes, stack: ExitStack) -> Path:
    """A temporary file that can take a file's place; the stack removes what is left of it."""
    mode = _mode(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    stack.callback(temporary.unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    temporary.chmod(mode)
    return temporary


def _mode(path: Path) -> int:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    return stat.S_IMODE(mode)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # the latter: a circle of links
        reason = getattr(error, "strerror", None) or error
        raise EnvsyncError(f"{path} cannot be written: {reason}.") from error


def read_plan(path: Path) -> Plan:
    """The plan that `plan --out` saved.

    Raises:
        EnvsyncError: there is no such file, or it holds no plan.
    """
    try:
        return Plan.from_json(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise EnvsyncError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise EnvsyncError(f"{path} is not a plan that envsync wrote: {error}.") from error
    except EnvsyncError as error:
        raise EnvsyncError(f"{path}: {error}") from error
