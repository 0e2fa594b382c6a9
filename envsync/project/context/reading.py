"""Reads the files of a build context in several threads. Each file is read once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from envsync.project.context.content import has_crlf, is_local_target
from envsync.project.context.credentials import FoundInFile, credentials_in
from envsync.project.context.names import nfc
from envsync.project.disk import READ
from envsync.project.lfs import lfs_pointer
from envsync.project.memo import NO_MEMO, Memo
from envsync.project.processes import cores

CHUNK: Final = 1 << 20
"""Maximum number of bytes in one read. Larger files are not checked for CRLF line ends."""

_BATCH_FILES: Final = 64
_BATCH_BYTES: Final = 4 * CHUNK


def identity(shown: str, status: os.stat_result) -> str:
    """Returns the size, `mtime`, `ctime`, inode, device and path of a file, as a text.

    Every change of the file changes this text. docs/reference/digest.md says on which file systems
    this is true.

    Args:
        shown: the path of the file, relative to the context.
        status: the result of `stat`.
    """
    return (
        f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} "
        f"{status.st_ino} {status.st_dev} {shown}"
    )


class FoundFile(Struct, frozen=True):
    """A file of a build context, as the walk found it.

    Attributes:
        path: the absolute path, with symbolic links resolved.
        shown: the path relative to the context, as on disk: links are not resolved, and the path
            is not always in NFC.
        hashed: True if azure-ai-ml's hash includes the file.
        size: the number of bytes.
        identity: the `identity` of the file.
    """

    path: str
    shown: str
    hashed: bool
    size: int
    identity: str

    @classmethod
    def of(cls, path: str, shown: str, status: os.stat_result, *, hashed: bool) -> FoundFile:
        """Creates the file from the result of `stat`."""
        return cls(path, shown, hashed, status.st_size, identity(shown, status))

    @property
    def key(self) -> str:
        """The path of the file in `BuildContext.files`."""
        return nfc(self.shown)


class FileContent(Struct, frozen=True):
    """The properties of the content of a file that a scan needs.

    Attributes:
        digest: the hex SHA-256.
        size: the number of bytes.
        status: the result of `stat` after the file was read. None if the file was not read, because
            the digest is from an earlier scan.
        is_crlf: True for a text file with CRLF line ends.
        is_pointer: True for a Git LFS pointer.
        is_local_target: True for the SQLite file of a local target.
        credentials: the credentials in the first `CHUNK` bytes of a text file.
        kept: the first `CHUNK` bytes of `.dockerignore`, or the whole content of a file that is
            named like a Dockerfile and has at most `CHUNK` bytes. None for all other files.
    """

    digest: str
    size: int
    status: os.stat_result | None = None
    is_crlf: bool = False
    is_pointer: bool = False
    is_local_target: bool = False
    credentials: tuple[FoundInFile, ...] = ()
    kept: bytes | None = None

    @property
    def is_only_hashed(self) -> bool:
        """True if a scan needs only the digest and the size of the file."""
        reported = self.is_crlf or self.is_pointer or self.is_local_target or self.credentials
        return not reported and self.kept is None


def read_all(files: Sequence[FoundFile], memo: Memo = NO_MEMO) -> Iterator[FileContent | str]:
    """Yields, in order, the content of each file, or the reason why the file cannot be read.

    Args:
        files: the files.
        memo: keeps what is found in the texts of small files.
    """
    batches = list(_batches(files))
    # The cores are counted only for several batches, because counting takes as long as a read.
    workers = min(cores(), len(batches)) if len(batches) > 1 else 1
    if workers < 2:
        yield from _read_batch(files, memo)
        return
    # Imported only here, because the import takes longer than reading a small context.
    from concurrent.futures import ThreadPoolExecutor

    # hashlib and file reads release the interpreter's lock, so the threads run in parallel.
    with ThreadPoolExecutor(workers) as pool:
        for batch in pool.map(partial(_read_batch, memo=memo), batches):
            yield from batch


def _batches(files: Iterable[FoundFile]) -> Iterator[list[FoundFile]]:
    """Divides files into batches, because a task costs as much time as reading a small file."""
    batch: list[FoundFile] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.size
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_batch(files: Iterable[FoundFile], memo: Memo) -> list[FileContent | str]:
    return [_read(file, memo) for file in files]


def _read(file: FoundFile, memo: Memo) -> FileContent | str:
    sha256 = hashlib.sha256()
    size = 0
    first = b""
    try:
        # A file object takes as long as reading a small file.
        handle = os.open(file.path, READ)
        try:
            # Asking for one byte more than expected shows that the file has no further bytes.
            length = min(file.size + 1, CHUNK)
            while chunk := os.read(handle, length):
                first += chunk[: CHUNK - len(first)]
                size += len(chunk)
                sha256.update(chunk)
                if size == file.size and len(chunk) < length:
                    break
                length = CHUNK
            status = os.fstat(handle)
        finally:
            os.close(handle)
    except OSError as error:
        return error.strerror or str(error)
    key = file.key
    is_whole = size == len(first)
    return FileContent(
        sha256.hexdigest(),
        size,
        status,
        is_crlf=is_whole and has_crlf(first),
        is_pointer=is_whole and lfs_pointer(first) is not None,
        is_local_target=is_local_target(first),
        credentials=tuple(credentials_in(key, first, memo)),
        kept=first if _is_kept(key, is_whole=is_whole) else None,
    )


def _is_kept(key: str, *, is_whole: bool) -> bool:
    if key == ".dockerignore":
        return True
    return is_whole and "dockerfile" in key.rpartition("/")[2].lower()
