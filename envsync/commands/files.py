"""Writing and reading the files that commands take and leave, whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from envsync.errors import EnvsyncError
from envsync.plan import Plan


def write_file(path: Path, text: str) -> None:
    """Writes a file so that nobody ever sees half of it.

    Raises:
        EnvsyncError: it cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            umask = os.umask(0)
            os.umask(umask)
            Path(temporary).chmod(0o666 & ~umask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvsyncError(f"{path} cannot be written: {error.strerror or error}.") from error


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
