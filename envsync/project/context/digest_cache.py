"""Keeps the digests of the files of large build contexts in `.envsync/hashes/`.

Each digest is stored with the path of its file and with the file's size, `mtime`, `ctime`, inode
and device. Every change of the content of a file changes at least one of these values. Programs can
set `mtime`, but not `ctime`. Users can delete the directory at any time. A damaged cache file is
ignored and written again.

The cache stores no other result of a scan. If a scan needs more than the digest and the size of a
file, for example because the file contains a credential, every scan reads this file.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from envsync._version import __version__
from envsync.model import secrets
from envsync.project import lfs
from envsync.project.context import content, credentials, reading
from envsync.project.context.file_system import trusted_device
from envsync.project.context.reading import FileContent, FoundFile, identity, read_all
from envsync.project.state_directory import read_state_file, replace_state_file

SETTLED: Final = 60 * 1_000_000_000
"""Nanoseconds for which a file must be unchanged before its digest is stored.

Two changes within one clock step have the same times. A clock step is 4 ms on most systems, and
1 second on old file systems. If a program changes a file through mapped memory, only the first
change sets the times, until Linux writes the page to the disk. By default, this takes at most
35 seconds.
"""

_FORMAT: Final = "envsync-hashes 2"
_MAX_BYTES: Final = 128 * 1024 * 1024
"""Maximum size in bytes of the cache file of one context, enough for about 800,000 digests."""
_KEPT_SECONDS: Final = 30 * 24 * 60 * 60
_UPLOADS: Final = "uploads "
"""The keys of upload hashes start with this text. The keys of files start with a digit."""
_DECIDING: Final = (content, credentials, lfs, reading, secrets)
"""The modules that check the content of a file. If their code changes, the cache is stale."""


class DigestCache:
    """The digests from earlier scans of one build context.

    If the cache file cannot be read, every file of the context is read again. Methods raise no
    exception if the cache file cannot be read or written.
    """

    def __init__(self, state: Path, context: str) -> None:
        """Does not read the cache file.

        Args:
            state: the directory `.envsync` of the project.
            context: the build context, with symbolic links resolved.
        """
        self._state = state
        self._directory = state / "hashes"
        self._path = self._directory / hashlib.sha256(os.fsencode(context)).hexdigest()[:32]
        self._context = context
        self._device: int | None = None
        self._rules = ""
        self._opened = 0
        self._entries: dict[str, str] = {}

    def contents(self, files: Sequence[FoundFile]) -> list[FileContent | str]:
        """Returns what `read_all` yields, but reads only files whose digest is not in the cache.

        Also updates the cache file, and removes the digests of all other files from it.

        Args:
            files: all files of the context.
        """
        if not self._open():
            return list(read_all(files))
        known = [self._entries.get(file.identity) for file in files]
        unknown = [file for file, digest in zip(files, known, strict=True) if digest is None]
        read = read_all(unknown)
        found: list[FileContent | str] = []
        entries = {key: value for key, value in self._entries.items() if key.startswith(_UPLOADS)}
        for file, digest in zip(files, known, strict=True):
            content = next(read) if digest is None else FileContent(digest, file.size)
            found.append(content)
            if digest is not None:
                entries[file.identity] = digest
            elif isinstance(content, FileContent) and self._is_kept(file, content):
                entries[file.identity] = content.digest
        self._write(entries)
        return found

    def _open(self) -> bool:
        """Reads the cache file. Returns False if this context cannot have a cache."""
        self._opened = time.time_ns()
        self._device = trusted_device(self._context)
        if self._device is None:
            return False
        # If `_rules` fails, this context has no cache. If `_read` fails, the cache is empty.
        try:
            self._rules = _rules()
            self._entries = self._read()
        except (OSError, ValueError):
            self._entries = {}
        return bool(self._rules)

    def upload_hashes(self, key: str) -> frozenset[str] | None:
        """Returns the upload hashes that `keep_upload_hashes` stored for a key, or None."""
        known = self._entries.get(_UPLOADS + key)
        return None if known is None else frozenset(known.split(","))

    def keep_upload_hashes(self, key: str, hashes: Iterable[str]) -> None:
        """Stores upload hashes.

        Args:
            key: the name of the hash function, a space, and a digest of what the hashes cover. The
                new hashes replace all stored hashes of this function.
            hashes: the hashes in hex.
        """
        if not self._rules:
            return
        others = _UPLOADS + key.partition(" ")[0] + " "
        kept = {name: item for name, item in self._entries.items() if not name.startswith(others)}
        self._write({**kept, _UPLOADS + key: ",".join(sorted(hashes))})

    def _is_kept(self, file: FoundFile, found: FileContent) -> bool:
        status = found.status
        if status is None or identity(file.shown, status) != file.identity:
            return False  # the file has changed since the walk
        # If the clock was ahead when the file changed, the file's times are in the future.
        is_settled = max(status.st_mtime_ns, status.st_ctime_ns) < self._opened - SETTLED
        # A link can lead to another file system, whose times are not always reliable.
        is_here = status.st_dev == self._device
        return found.is_only_hashed and is_settled and is_here

    def _read(self) -> dict[str, str]:
        """Returns the entries of the cache file. Raises OSError or ValueError if it is unusable."""
        data = read_state_file(self._state, self._path, _MAX_BYTES)
        checksum, _, body = data.partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            raise ValueError("damaged")
        header, *records = body.decode().split("\0")
        start, _, written = header.rpartition(" ")
        # If the clock was set back after the cache file was written, a later change of a file can
        # have the same time as an earlier change.
        if start != f"{_FORMAT} {self._rules}" or int(written) > self._opened:
            raise ValueError("from another version, or from the future")
        return dict(zip(records[::2], records[1::2], strict=True))

    def _write(self, entries: Mapping[str, str]) -> None:
        """Replaces the cache file, unless the entries are unchanged."""
        if entries == self._entries:
            return
        self._entries = dict(entries)
        header = f"{_FORMAT} {self._rules} {self._opened}"
        body = "\0".join((header, *chain.from_iterable(entries.items()))).encode()
        data = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        if len(data) > _MAX_BYTES:
            return
        with suppress(OSError):
            replace_state_file(self._state, self._path, data)
            self._remove_old()

    def _remove_old(self) -> None:
        """Removes cache files that were last written more than 30 days ago."""
        oldest = time.time() - _KEPT_SECONDS
        for path in self._directory.iterdir():
            with suppress(OSError):
                if path.lstat().st_mtime < oldest:
                    path.unlink()


def _rules() -> str:
    """Returns a digest of the version of envsync and of the code of the modules in `_DECIDING`.

    The version alone is not enough, because several commits can have the same version.
    """
    digest = hashlib.sha256(__version__.encode())
    for module in _DECIDING:
        digest.update(Path(module.__file__ or "").read_bytes())
    return digest.hexdigest()
