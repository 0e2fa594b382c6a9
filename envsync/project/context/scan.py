"""A local build context: its content digest, its upload hashes, and what is odd about it.

The digest counts what the service would get: the files that azure-ai-ml uploads, by relative path
and content. The upload hashes are azure-ai-ml's own, under which it stores the content; they tell
whether a registered version was made from this content. docs/digest.md describes both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envsync.model.environment import BuildContext
from envsync.project.context.ignore import parse_dockerignore
from envsync.project.context.walk import ContextWalk

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
