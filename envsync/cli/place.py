"""Paths in the text output. They are relative to the directory in which the user started envsync.

Terminals and editors resolve a path such as `environments/a.yml:3` from that directory. Paths in
JSON are relative to the project directory, so that they are the same for everybody.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path
from typing import Final

# The option -C changes the working directory of the process, but not of the user's terminal.
_START: Final[ContextVar[str | None]] = ContextVar("start", default=None)


def remember_start() -> None:
    """Remembers the working directory. `main` calls this function before `-C` has an effect."""
    try:
        _START.set(str(Path.cwd()))
    except FileNotFoundError:
        # The working directory was deleted, so no path can be relative to it.
        _START.set(None)


def shown_path(root: Path, file: str) -> str:
    """Returns the path of a project file, relative to the user's directory, with `/`.

    Args:
        root: the project directory.
        file: the path relative to the project directory, or the absolute path if the file is
            outside of the project directory.
    """
    start = _START.get() or str(Path.cwd())
    # A file outside of the project keeps its absolute path, because a relative path would be
    # longer. `Path` takes three times as long, and a project can have thousands of problems.
    if os.path.isabs(file) and not Path(file).is_relative_to(start):  # noqa: PTH117 - for speed
        return file
    try:
        shown = os.path.relpath(os.path.join(root, file), start)  # noqa: PTH118 - for speed
    except ValueError:
        # On Windows, there is no relative path from one drive to another.
        return (root / file).as_posix()
    return shown.replace(os.sep, "/")
