"""Scans a local build context: computes its digest and upload hashes, and finds its problems.

The digest covers the relative paths and the content of the files that azure-ai-ml uploads, except
for `.git` and `.envsync`, which envsync leaves out. The upload hashes are the hashes that
azure-ai-ml writes into the blob path of an upload. With these hashes, envsync can find out if a
registered version has the same content as the context. docs/reference/digest.md describes the
digest, and docs/contributing/upload-hashes.md the upload hashes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import field

from envsync.model.environment import BuildContext
from envsync.model.value import Value
from envsync.project.context.credentials import FoundInFile
from envsync.project.context.ignore import parse_dockerignore
from envsync.project.context.walk import ContextWalk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CLUTTER_DIRECTORIES: Final = frozenset(
    {
        "__pycache__",
        ".ipynb_checkpoints",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hg",
        ".svn",
        ".venv",
        ".idea",
    }
)
CLUTTER_FILES: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
CLUTTER_PREFIXES: Final = ("._", ".#")
CLUTTER_SUFFIXES: Final = (".pyc", ".pyo", ".swp", ".swo", "~")


class ContextScan(Value, frozen=True):
    """The content of a build context.

    All paths are relative to the context, use `/`, and are in NFC. Every list is sorted.

    Attributes:
        context: the files and hashes. `context.uploads` is empty if `escapes` or `broken` has an
            entry. For such a context, azure-ai-ml either fails or computes a hash that includes
            files that envsync does not read.
        total_bytes: the size of all files.
        crlf: text files with CRLF line ends.
        clutter: files and directories that tools create. The path of a directory ends in `/`.
        docker_ignored: files that are uploaded and hashed, although a root `.dockerignore` drops
            them. The root `Dockerfile` and `.dockerignore` are not in this list, because Docker
            reads both files.
        unhashed: files that azure-ai-ml uploads but does not hash. One cause is a `!` pattern that
            re-includes files of a dropped directory. Another cause is a dropped link that leads to
            files. If only such files change, the hash stays the same and azure-ai-ml uploads
            nothing.
        git: each `.git` that `az ml environment create` would upload. The path of a directory ends
            in `/`. `context` does not contain these paths.
        pointers: files that are Git LFS pointers.
        local_targets: SQLite files of local targets that are not in `.envsync`.
        credentials: the credentials in text files. Only the first mebibyte of a file is searched.
        escapes: symbolic links that lead out of the project. The scan does not follow these links.
        broken: `path: reason` for each file that cannot be uploaded. `context` does not contain
            these files.
        dockerfiles: the content of small files that are named like a Dockerfile, so that these
            files are not read again.
    """

    uncompared = ("dockerfiles",)
    unshown = ("dockerfiles",)

    context: BuildContext
    total_bytes: int
    crlf: tuple[str, ...] = ()
    clutter: tuple[str, ...] = ()
    docker_ignored: tuple[str, ...] = ()
    unhashed: tuple[str, ...] = ()
    git: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    local_targets: tuple[str, ...] = ()
    credentials: tuple[FoundInFile, ...] = ()
    escapes: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    dockerfiles: Mapping[str, bytes] = field(default_factory=dict)


def scan_context(directory: Path, root: Path) -> ContextScan:
    """Reads every file of a build context.

    Args:
        directory: the build context.
        root: the project directory. Symbolic links must not lead out of this directory.

    Returns:
        The files, hashes and problems of the context. If a file cannot be read, `broken` contains
        the file, and no exception is raised.
    """
    walk = ContextWalk(os.path.realpath(directory), os.path.realpath(root))
    walk.run()
    complete = not walk.escapes and not walk.broken
    uploads = walk.hashes.digests() if complete else frozenset[str]()
    # The lists are sorted, because the order of the file system differs between machines. `set`
    # removes duplicates. For example, if the ignore file is a link out of the project, it is found
    # twice.
    return ContextScan(
        context=BuildContext.of_files(walk.files, uploads=uploads, directory=str(directory)),
        total_bytes=walk.total_bytes,
        crlf=tuple(sorted(walk.crlf)),
        clutter=tuple(sorted(set(_clutter(walk.files)))),
        docker_ignored=tuple(sorted(_docker_ignored(walk.files, walk.dockerignore))),
        unhashed=tuple(sorted(walk.unhashed)),
        git=tuple(sorted(walk.git)),
        pointers=tuple(sorted(walk.pointers)),
        local_targets=tuple(sorted(walk.local_targets)),
        credentials=tuple(sorted(walk.credentials)),
        escapes=tuple(sorted(set(walk.escapes))),
        broken=tuple(sorted(set(walk.broken))),
        dockerfiles=walk.dockerfiles,
    )


def _clutter(paths: Iterable[str]) -> Iterator[str]:
    """Yields the files and directories that a tool created."""
    for path in paths:
        # If a tool created a directory, the directory is yielded instead of each file in the
        # directory.
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
    """Yields the files that `.dockerignore` excludes from the build."""
    # Invalid bytes are replaced, because a scan must not fail if `.dockerignore` is not UTF-8.
    try:
        rules = parse_dockerignore(dockerignore.decode(errors="replace"))
        if not rules.is_empty:
            for path in paths:
                if path not in {".dockerignore", "Dockerfile"} and rules.drops(path):
                    yield path
    except ValueError:
        return  # too many patterns: the files are only part of a warning
