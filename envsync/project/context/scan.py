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
from envsync.project.context.reading import read_all
from envsync.project.context.upload_hashes import UploadHashes
from envsync.project.context.walk import ContextWalk
from envsync.project.memo import NO_MEMO, Memo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from envsync.model.environment import UploadHash
    from envsync.project.context.digest_cache import DigestCache
    from envsync.project.context.reading import FileContent, FoundFile

CACHED_BYTES: Final = 16 * 1024 * 1024
"""Minimum size in bytes of a context whose digests are stored. Smaller contexts are read fast."""
_OPENING: Final = 16 * 1024
"""Opening a file takes about as long as hashing this number of bytes."""

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


def scan_context(directory: Path, root: Path, state: Path | None = None) -> ContextScan:
    """Finds and hashes every file of a build context.

    Args:
        directory: the build context.
        root: the project directory. Symbolic links must not lead out of this directory.
        state: the directory `.envsync` of the project, in which the digests of large contexts are
            kept. If None, every file is read.

    Returns:
        The files, hashes and problems of the context. If a file cannot be read, `broken` contains
        the file, and no exception is raised.
    """
    top, boundary = os.path.realpath(directory), os.path.realpath(root)
    kept = None if state is None else str(state)
    return scan_resolved(top, boundary, kept, directory=str(directory))


def scan_resolved(
    top: str,
    root: str,
    state: str | None,
    *,
    directory: str | None = None,
    memo: Memo = NO_MEMO,
) -> ContextScan:
    """Does the same as `scan_context`, for paths whose symbolic links are resolved.

    Args:
        top: the build context.
        root: see `scan_context`.
        state: see `scan_context`.
        directory: the build context as messages show it. If None, `top` is shown.
        memo: keeps what is found in the texts of small files.
    """
    directory = directory or top
    walk = ContextWalk(top, root)
    walk.run()
    cache = None if state is None else _cache(walk.files, top, state)
    contents, unhashed = _contents(walk, cache, memo)
    files = {path: content.digest for path, content in contents.items()}
    uploads: Mapping[UploadHash, frozenset[str]] = {}
    if not walk.escapes and not walk.broken:
        uploads = UploadHashes(directory, walk.hashed_parts, files, cache)
    # Nearly all files of a large context are only hashed. The lists below contain only other files.
    others = {path: item for path, item in contents.items() if not item.is_only_hashed}
    kept = {path: item.kept for path, item in others.items() if item.kept is not None}
    dockerignore = kept.pop(".dockerignore", b"")
    # The lists are sorted, because the order of the file system differs between machines. `set`
    # removes duplicates: for example, an ignore file that is a link out of the project is in
    # `escapes` twice.
    return ContextScan(
        context=BuildContext.of_files(files, uploads=uploads, directory=directory),
        total_bytes=sum(item.size for item in contents.values()),
        crlf=tuple(sorted(path for path, item in others.items() if item.is_crlf)),
        clutter=tuple(sorted(set(_clutter(files)))),
        docker_ignored=tuple(sorted(_docker_ignored(files, dockerignore))),
        unhashed=tuple(sorted(unhashed)),
        git=tuple(sorted(walk.git)),
        pointers=tuple(sorted(path for path, item in others.items() if item.is_pointer)),
        local_targets=tuple(sorted(path for path, item in others.items() if item.is_local_target)),
        credentials=tuple(sorted(found for item in others.values() for found in item.credentials)),
        escapes=tuple(sorted(set(walk.escapes))),
        broken=tuple(sorted(set(walk.broken))),
        dockerfiles=kept,
    )


def _cache(files: Iterable[FoundFile], top: str, state: str) -> DigestCache | None:
    """Returns the cache of a large context, or None for a small one."""
    if sum(file.size + _OPENING for file in files) < CACHED_BYTES:
        return None
    # Imported only here, because most projects have no large context.
    from envsync.project.context.digest_cache import DigestCache

    return DigestCache(Path(state), top)


def _contents(
    walk: ContextWalk, cache: DigestCache | None, memo: Memo
) -> tuple[dict[str, FileContent], list[str]]:
    """Returns the content of files by path, and the paths that azure-ai-ml does not hash.

    Adds the files that cannot be uploaded to `walk.broken` instead.
    """
    contents: dict[str, FileContent] = {}
    unhashed = []
    found = read_all(walk.files, memo) if cache is None else cache.contents(walk.files)
    for file, content in zip(walk.files, found, strict=True):
        key = file.key
        if key in contents:
            reason = "two names that are equal after Unicode normalisation (NFC)"
            walk.report(file.shown, reason)
        elif isinstance(content, str):
            walk.report(file.shown, content)
        else:
            contents[key] = content
            if not file.hashed:
                unhashed.append(key)
    return contents, unhashed


def _clutter(paths: Iterable[str]) -> Iterator[str]:
    """Yields the files and directories that a tool created."""
    known: dict[str, str | None] = {}
    for path in paths:
        directory, _, name = path.rpartition("/")
        if directory not in known:
            known[directory] = _clutter_directory(directory)
        # If a tool created a directory, the directory is yielded instead of each file in the
        # directory.
        if clutter := known[directory]:
            yield clutter
        elif (
            name in CLUTTER_FILES
            or name.startswith(CLUTTER_PREFIXES)
            or name.endswith(CLUTTER_SUFFIXES)
        ):
            yield path


def _clutter_directory(path: str) -> str | None:
    """Returns the outermost directory in `path` that a tool created, such as `a/.hg/`, or None."""
    parts = path.split("/")
    for depth, part in enumerate(parts, 1):
        if part in CLUTTER_DIRECTORIES:
            return "/".join(parts[:depth]) + "/"
    return None


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
        return  # too many patterns: the list is incomplete, but is only for a warning
