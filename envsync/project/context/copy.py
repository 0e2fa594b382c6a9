"""Copies the files of a build context that azure-ai-ml would upload."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
from pathlib import Path

from envsync.model.environment import BuildContext
from envsync.model.errors import EnvsyncError
from envsync.project.context.names import nfc
from envsync.project.context.reading import CHUNK


def copy_context(context: BuildContext, destination: Path) -> None:
    """Copies exactly the files of a scanned context, and verifies their content.

    Symbolic links are replaced with the files that they lead to.

    Args:
        context: a context from `scan_context`.
        destination: the directory for the copy. If the directory does not exist, it is created, and
            removed again if the copy fails.

    Raises:
        EnvsyncError: a file was removed or changed since the scan, or cannot be read.
        ValueError: `files` or `directory` of the context is None.
    """
    if context.files is None or context.directory is None:
        raise ValueError("only a scanned build context can be copied")
    made = not destination.exists()
    directory = Path(context.directory)
    names: dict[Path, dict[str, str]] = {}
    try:
        destination.mkdir(parents=True, exist_ok=True)
        for path, digest in context.files.items():
            target = destination.joinpath(*path.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            # The digest is computed from the copied bytes, because a second read of the source
            # could return other bytes.
            if _copy_file(_on_disk(directory, path, names), target) != digest:
                raise changed_on_disk(context.directory, path)  # noqa: TRY301 (removes the copy)
    except BaseException:  # includes Ctrl-C, because a partial copy would look complete
        if made:
            shutil.rmtree(destination, ignore_errors=True)
        raise


def changed_on_disk(directory: str, path: str) -> EnvsyncError:
    """Returns the error for a file that was removed or changed since the scan.

    Args:
        directory: the build context.
        path: the path of the file, relative to the context.
    """
    return EnvsyncError(
        f"The build context {directory} changed on disk while envsync used it: "
        f"{path} was removed or modified. Run the command again."
    )


def open_regular(path: str | Path) -> io.FileIO:
    """Opens a file for reading, without a buffer.

    Raises:
        OSError: the file cannot be opened, or is not a regular file. Opening a named pipe would
            block forever.
    """
    if not os.path.isfile(path):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return open(path, "rb", buffering=0)


def _copy_file(source: Path, target: Path) -> str | None:
    """Copies a file. Returns the hex SHA-256 of the copy, or None if `source` cannot be opened."""
    sha256 = hashlib.sha256()
    try:
        reader = open_regular(source)
    except OSError:
        return None
    with reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            sha256.update(chunk)
            writer.write(chunk)
    return sha256.hexdigest()


def _on_disk(directory: Path, path: str, names: dict[Path, dict[str, str]]) -> Path:
    """Converts an NFC path to the path on disk. Names on disk are not always in NFC.

    Args:
        directory: the context.
        path: a path of `BuildContext.files`, in NFC.
        names: a cache of directory listings. Each listing maps an NFC name to the name on disk.
    """
    # HFS+ on macOS stores names in NFD. Other file systems store a name as the program wrote the
    # name, so a name on disk can be in NFC or NFD.
    if path.isascii() or (directory / path).exists():
        return directory / path
    for part in path.split("/"):
        if directory not in names:
            listing = directory.iterdir() if directory.is_dir() else ()
            names[directory] = {nfc(entry.name): entry.name for entry in listing}
        directory /= names[directory].get(part, part)
    return directory
