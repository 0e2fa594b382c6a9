"""Keeps what was read from the files of a project in `.envsync/reads`.

The key of an entry is a digest of the path and the content of a file. The header of the cache file
is a digest of everything else that decides what is read: the directory, the settings, and the code
of envsync. So the cache needs no time of any file.

A repository can contain a file with the name of the cache, and its entries could hide errors. So
the header also covers the inode and `ctime` of `.envsync/.gitignore`, which nobody can know before
the file exists. Users can delete the cache at any time, and a damaged cache is ignored.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import yaml
from msgspec import Raw
from msgspec.msgpack import Decoder, encode

from envsync._version import __version__
from envsync.project.context.file_system import trusted_device
from envsync.project.state_directory import NAME as STATE
from envsync.project.state_directory import (
    create_state_directory,
    read_state_file,
    replace_state_file,
)

Key: TypeAlias = bytes

_FORMAT: Final = "envsync-reads 1"
_NAME: Final = "reads"
_MAX_BYTES: Final = 128 * 1024 * 1024
"""Maximum size of the cache file in bytes, enough for about 50,000 environments."""
_DIGEST: Final = hashlib.sha256().digest_size
_DECIDING: Final = ("model", "project")
"""The directories whose code decides what is read. No other directory is imported there."""

_decode: Final = Decoder(dict[Key, Raw]).decode


class ReadCache:
    """The entries that earlier commands have made from the files of a project.

    Methods raise no exception if the cache file cannot be read or written.
    """

    def __init__(self, state: Path, device: int, settings: object) -> None:
        """Reads the cache file.

        Args:
            state: the directory `.envsync` of the project, with symbolic links resolved.
            device: the device that must contain this directory.
            settings: everything that decides what is read, except the files and envsync.
        """
        self._state = state
        self._path = state / _NAME
        self._device = device
        self._settings = settings
        self._entries: Mapping[Key, Raw] = {}
        # If reading the cache fails, all files are read.
        with suppress(OSError, ValueError):
            self._entries = self._read()

    def entry(self, key: Key) -> bytes | None:
        """Returns the encoded entry of a key, or None."""
        found = self._entries.get(key)
        return None if found is None else bytes(found)

    def write(self, used: Mapping[Key, bytes], files: int) -> None:
        """Replaces the cache file, unless it contains all entries.

        Entries that were not used are kept for the next command, which can be on another branch.
        They are dropped when they are too many.

        Args:
            used: the encoded entries that this command has used or made.
            files: the number of files that were found.
        """
        if all(key in self._entries for key in used):
            return
        entries = {key: Raw(entry) for key, entry in used.items()}
        unused = {key: entry for key, entry in self._entries.items() if key not in used}
        # A file has at most two entries: its own, and that of its conda file.
        if len(unused) <= 2 * files:
            entries.update(unused)
        # If writing the cache fails, the next command reads all files again.
        with suppress(OSError, ValueError):
            header = self._header()
            body = encode(entries)
            if len(body) <= _MAX_BYTES:
                data = header + hashlib.sha256(body).digest() + body
                replace_state_file(self._state, self._path, data)

    def _read(self) -> Mapping[Key, Raw]:
        """Returns the entries. Raises OSError or ValueError if the cache file is unusable."""
        data = memoryview(read_state_file(self._state, self._path, _MAX_BYTES + 2 * _DIGEST))
        # The header comes first: with the right header, envsync has written the rest.
        if data[:_DIGEST] != self._header():
            raise ValueError("other settings, another version, or a cache from elsewhere")
        body = data[2 * _DIGEST :]
        if data[_DIGEST : 2 * _DIGEST] != hashlib.sha256(body).digest():
            raise ValueError("damaged")
        return _decode(body)

    def _header(self) -> bytes:
        """Returns a digest of everything that decides what is read, except the files.

        Raises:
            OSError, ValueError: the digest cannot be computed.
        """
        status = create_state_directory(self._state)
        if status.st_dev != self._device:
            raise ValueError("not in the file system of the project")
        decides = (
            *(_FORMAT, __version__),
            *(sys.version, msgspec.__version__, yaml.__version__, yaml.__with_libyaml__),
            sys.get_int_max_str_digits(),
            *(status.st_ino, status.st_ctime_ns),
            tuple(_code()),
            self._settings,
        )
        return hashlib.sha256(encode(decides, enc_hook=dict)).digest()


def open_cache(root: str, settings: object) -> ReadCache | None:
    """Opens the cache of a project. Returns None if the project cannot have one.

    Args:
        root: the directory of the project, with symbolic links resolved.
        settings: see `ReadCache`.
    """
    # On other file systems, `ctime` can be a time that a program has chosen.
    device = trusted_device(root)
    return None if device is None else ReadCache(Path(root, STATE), device, settings)


def environment_key(path: str, content: bytes) -> Key:
    """Returns the key of an environment file."""
    return _key("environment", path, content)


def conda_key(path: str, content: bytes) -> Key:
    """Returns the key of a conda file. Symbolic links in its path are resolved."""
    return _key("conda", path, content)


def _key(kind: str, path: str, content: bytes) -> Key:
    # No path contains a null character.
    return hashlib.sha256(b"\0".join((kind.encode(), os.fsencode(path), content))).digest()


def _code() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields each file whose code or data decides what is read, with its size, inode and times.

    The version alone is not enough, because several commits can have the same version. Reading the
    files would take longer than asking for their times.
    """
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    waiting = [os.path.join(package, name) for name in _DECIDING]
    while waiting:
        with os.scandir(waiting.pop()) as items:
            # The order of a directory can change without a reason.
            for item in sorted(items, key=lambda item: item.name):
                if not item.is_dir():
                    found = item.stat()
                    times = found.st_mtime_ns, found.st_ctime_ns
                    yield item.path, (found.st_size, found.st_ino, *times)
                elif item.name != "__pycache__":
                    waiting.append(item.path)
