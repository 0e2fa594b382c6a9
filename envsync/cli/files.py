"""Reads and writes files for the commands. Writes are atomic."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from envsync.model.canonical import JSON, canonical_json
from envsync.model.errors import EnvsyncError
from envsync.model.wording import MAX_WORD, printable
from envsync.plan.plan import FORMAT_VERSION, Plan
from envsync.project.disk import read_regular_file


def write_file(path: Path, text: str) -> None:
    """Writes a file atomically, in UTF-8: a reader sees the old file or the complete new one.

    Raises:
        EnvsyncError: the file cannot be written.
    """
    write_files({path: text.encode()})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Writes all files, or none if one of them cannot be written.

    Each file is replaced atomically. An existing file keeps its mode, and a symbolic link is
    followed.

    Raises:
        EnvsyncError: a file cannot be written.
    """
    with ExitStack() as stack:
        written: list[tuple[Path, Path]] = []
        # First write all temporary files, because nearly every error (no directory, no space, no
        # permission) occurs in this step. Such an error leaves every existing file unchanged.
        for path, content in contents.items():
            with _errors_named(path):
                # Replacing a symbolic link would not change the file that it points to.
                real = path.resolve()
                written.append((_write_beside(real, content, stack), real))
        for temporary, real in written:
            with _errors_named(real):
                temporary.replace(real)


def _write_beside(path: Path, content: bytes, stack: ExitStack) -> Path:
    """Writes a temporary file and returns its path. Closing `stack` removes the temporary file."""
    # Imported here, because most commands write no file, and the import is slow.
    import tempfile

    mode = _mode(path)
    # The temporary file is in the same directory, because a rename is atomic only within one file
    # system.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    stack.callback(temporary.unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    # mkstemp creates files that only the owner can read.
    temporary.chmod(mode)
    return temporary


def _mode(path: Path) -> int:
    """Returns the permissions of a file, or the default permissions if the file does not exist.

    Raises:
        OSError: the path is not a regular file, for example a directory or a device.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        # The umask can only be read by setting it.
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return stat.S_IMODE(mode)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turns errors of the operating system into an `EnvsyncError` that names the file."""
    try:
        yield
    # Before Python 3.13, `Path.resolve` raises RuntimeError for a loop of symbolic links.
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EnvsyncError(f"{path} cannot be written: {reason}.") from error


def read_plan(path: Path) -> Plan:
    """Reads a plan that `envsync plan --out` saved.

    Raises:
        EnvsyncError: the file cannot be read, or does not contain a plan.
    """
    try:
        data = json.loads(read_regular_file(path).decode(), object_pairs_hook=_without_repetitions)
        return parse_plan(data)
    except OSError as error:
        raise EnvsyncError(f"{path} cannot be read: {error.strerror or error}.") from error
    # Deeply nested JSON raises RecursionError.
    except (ValueError, RecursionError) as error:
        reason = "it is not valid JSON"
        if isinstance(error, UnicodeDecodeError):
            reason = "it is not UTF-8"
        elif isinstance(error, json.JSONDecodeError | _RepeatedKey):
            reason += f": {error}"
        raise EnvsyncError(
            f"{path} is not a plan: {reason}. Save one with `envsync plan --out FILE`."
        ) from error
    except EnvsyncError as error:
        raise EnvsyncError(f"{path}: {error}") from error


def parse_plan(data: Any) -> Plan:
    """Creates a plan from JSON data, which must satisfy `envsync schema plan`.

    Raises:
        EnvsyncError: the data is not a plan that this envsync wrote.
    """
    # `from_json` explains why a plan of another format version cannot be read.
    is_known = isinstance(data, dict) and data.get("format_version") == FORMAT_VERSION
    if is_known and (reason := _not_canonical(data)) is not None:
        raise EnvsyncError(
            f"This is not a plan that envsync wrote: {reason}. Save one with `envsync plan --out "
            "FILE`."
        )
    return Plan.from_json(data)


def _not_canonical(data: JSON) -> str | None:
    """Returns why no digest of the data can be computed, or None."""
    try:
        canonical_json(data).encode()
    except UnicodeEncodeError:
        return "a string contains an unpaired surrogate"
    except ValueError:
        return "a number is not finite"
    except RecursionError:
        return "a value is nested too deeply"
    return None


class _RepeatedKey(ValueError):
    """An object has the same key twice."""


def _without_repetitions(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    data = dict(pairs)
    if len(data) < len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise _RepeatedKey(f"the key `{printable(repeated, MAX_WORD)}` is repeated")
    return data
