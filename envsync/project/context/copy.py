"""Copies a build context, as it is uploaded."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from envsync.model.environment import BuildContext
from envsync.model.errors import EnvsyncError
from envsync.project.context.walk import CHUNK, nfc


def copy_context(context: BuildContext, destination: Path) -> None:
    """Copies exactly the files of a scanned context, contents verified, links resolved.

    Args:
        context: as `scan_context` returned it.
        destination: a directory, made if it is missing. A failed copy removes it if it made it.

    Raises:
        EnvsyncError: a file is gone or has changed since the scan, or cannot be read.
        ValueError: the context does not say which files it holds, or where.
    """
    if context.files is None or context.directory is None:
        raise ValueError("only a context that was scanned can be copied")
    made = not destination.exists()
    directory = Path(context.directory)
    names: dict[Path, dict[str, str]] = {}
    try:
        destination.mkdir(parents=True, exist_ok=True)
        for path, digest in context.files.items():
            target = destination.joinpath(*path.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            if _copy_file(_on_disk(directory, path, names), target) != digest:
                raise EnvsyncError(  # noqa: TRY301 (what was copied is removed below)
                    f"The build context {directory} changed on disk while envsync worked with it: "
                    f"{path} is gone or has other content. Run the command again."
                )
    except BaseException:
        if made:
            shutil.rmtree(destination, ignore_errors=True)
        raise


def _copy_file(source: Path, target: Path) -> str | None:
    """Copies one file; the hex SHA-256 of what was copied, None where there is no such file."""
    sha256 = hashlib.sha256()
    try:
        # A pipe in the file's place would block the opening for ever.
        reader = source.open("rb", buffering=0) if source.is_file() else None
    except OSError:
        reader = None
    if reader is None:
        return None
    with reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            sha256.update(chunk)
            writer.write(chunk)
    return sha256.hexdigest()


def _on_disk(directory: Path, path: str, names: dict[Path, dict[str, str]]) -> Path:
    """Where an NFC path lies on a disk that may have kept its names in another form.

    Args:
        directory: the context.
        path: relative to it, as `BuildContext.files` has it.
        names: NFC name to real name, for each directory that was listed before; is added to.
    """
    if path.isascii() or (directory / path).exists():
        return directory / path
    for part in path.split("/"):
        if directory not in names:
            listing = directory.iterdir() if directory.is_dir() else ()
            names[directory] = {nfc(entry.name): entry.name for entry in listing}
        directory /= names[directory].get(part, part)
    return directory
