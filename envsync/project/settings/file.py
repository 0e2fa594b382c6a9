"""The settings file `envsync.yaml`: where it is, and its bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from envsync.model.errors import EnvsyncError, UsageError
from envsync.project.disk import read_regular_file

FILE_NAME: Final = "envsync.yaml"


def find_config(start: Path) -> Path | None:
    """Returns the `envsync.yaml` in a directory or in the nearest directory above it."""
    # `abspath` does not resolve links, so messages show the path that the user knows.
    absolute = Path(os.path.abspath(start))
    for directory in (absolute, *absolute.parents):
        path = directory / FILE_NAME
        # `lexists` finds a broken link as well: ignoring such a file would select another project.
        if os.path.lexists(path):
            return path
    return None


def config_path(path: Path | None, start: Path) -> Path | None:
    """Returns the absolute path of the settings file, or None if there is no settings file.

    If `path` is None, the file is searched for in `start` and in the directories above it.
    """
    return find_config(start) if path is None else Path(os.path.abspath(start / path))


def read_config_file(path: Path, *, named: bool) -> bytes:
    """Reads a settings file.

    Args:
        path: the absolute path.
        named: whether the user named the file, for example with `--config`.

    Raises:
        UsageError: the user named a path at which there is no file.
        EnvsyncError: the file cannot be read.
    """
    failed = f"The settings file {path} cannot be read"
    try:
        if not named and path.exists() and not path.is_file():
            raise EnvsyncError(f"{failed}: it is not a regular file. Remove it or rename it.")
        return read_regular_file(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        if path.is_symlink() and isinstance(error, FileNotFoundError):
            reason = "it is a link to a file that does not exist"
        if named and not path.is_file():
            raise UsageError(f"{failed}: {reason}.") from error
        raise EnvsyncError(
            f"{failed}: {reason}. Make the file readable, or name another file with --config."
        ) from error
