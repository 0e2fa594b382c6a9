"""A local build context: its content digest, its upload hashes, and what is odd about it.

The digest counts what the service would get: the files that azure-ai-ml uploads, by relative path
and content. The upload hashes are azure-ai-ml's own, under which it stores the content; they tell
whether a registered version was made from this content. docs/digest.md describes both.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envsync.model.environment import BuildContext
from envsync.model.errors import EnvsyncError
from envsync.project.context.ignore import parse_dockerignore
from envsync.project.context.walk import CHUNK, ContextWalk, nfc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CLUTTER_DIRECTORIES: Final = frozenset(
    {
        *("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
        *(".git", ".hg", ".svn", ".venv", ".idea"),
    }
)
CLUTTER_FILES: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
CLUTTER_PREFIXES: Final = ("._", ".#")
CLUTTER_SUFFIXES: Final = (".pyc", ".pyo", ".swp", ".swo", "~")


@dataclass(frozen=True, slots=True)
class ContextScan:
    """What a build context holds. All paths are relative to it, `/`-separated, NFC and sorted.

    Attributes:
        context: the content. Without `uploads` where `escapes` or `broken` has an entry, since
            azure-ai-ml would fail there, or hash what envsync does not read.
        total_bytes: the size of all files together.
        crlf: text files with CRLF line ends.
        clutter: what tools leave behind; a directory once, with a `/` at its end.
        docker_ignored: files that are uploaded and hashed though a root `.dockerignore` drops
            them. The root `Dockerfile` and `.dockerignore` are not among them: Docker reads both.
        unhashed: files that azure-ai-ml uploads but leaves out of its hash, because the ignore file
            drops a directory above them and brings them back, or drops the link that leads to
            them. A change to nothing else keeps the hash, and azure-ai-ml uploads nothing.
        escapes: symbolic links that lead out of the project; they are not followed.
        broken: `path: reason` for what cannot be uploaded; not part of the content.
    """

    context: BuildContext
    total_bytes: int
    crlf: tuple[str, ...] = ()
    clutter: tuple[str, ...] = ()
    docker_ignored: tuple[str, ...] = ()
    unhashed: tuple[str, ...] = ()
    escapes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def scan_context(directory: Path, root: Path) -> ContextScan:
    """Reads a build context.

    Args:
        directory: the context.
        root: the project; symbolic links may not lead out of it.

    Returns:
        The content and its oddities. What cannot be read is reported in it, never raised.
    """
    walk = ContextWalk(os.path.realpath(directory), os.path.realpath(root))
    walk.run()
    whole = not walk.escapes and not walk.broken
    uploads = {walk.sha256.hexdigest(), walk.md5.hexdigest()} if whole else set()
    return ContextScan(
        context=BuildContext.of_files(
            walk.files, uploads=frozenset(uploads), directory=str(directory)
        ),
        total_bytes=walk.total_bytes,
        crlf=tuple(sorted(walk.crlf)),
        clutter=tuple(sorted(set(_clutter(walk.files)))),
        docker_ignored=tuple(sorted(_docker_ignored(walk.files, walk.dockerignore))),
        unhashed=tuple(sorted(walk.unhashed)),
        escapes=tuple(sorted(set(walk.escapes))),
        broken=tuple(sorted(set(walk.broken))),
    )


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


def _clutter(paths: Iterable[str]) -> Iterator[str]:
    """What tools leave behind, among these files: the files, or the directories they are in."""
    for path in paths:
        *directories, name = path.split("/")
        for depth, directory in enumerate(directories, 1):
            if directory in CLUTTER_DIRECTORIES:
                yield "/".join(directories[:depth]) + "/"
                break
        else:
            if (
                name in CLUTTER_FILES
                or name.startswith(CLUTTER_PREFIXES)
                or name.endswith(CLUTTER_SUFFIXES)
            ):
                yield path


def _docker_ignored(paths: Iterable[str], dockerignore: bytes) -> Iterator[str]:
    """Those of these files that Docker leaves out of the build."""
    rules = parse_dockerignore(dockerignore.decode(errors="replace"))
    if rules.patterns:
        for path in paths:
            if path not in {".dockerignore", "Dockerfile"} and rules.drops(path):
                yield path
