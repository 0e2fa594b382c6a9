"""Stores the results of the solver in `.envsync/solved/`. The directory can be deleted at any time.

The name of a file is a digest of everything that decides the result. For a channel on this machine,
the digest includes the content of the channel's index. For a channel on a server, the digest
includes the date in UTC, so a result is used for at most one day.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec.structs import astuple

from envsync._version import __version__
from envsync.model.canonical import JSON, canonical_json, sha256_digest
from envsync.project.state_directory import replace_state_file
from envsync.solving.channels import addresses, local_directory
from envsync.solving.request import PLATFORMS, Fault, Request, Result

_FORMAT: Final = 1
_KEPT_DAYS: Final = 7


class Cache:
    """The results of earlier runs."""

    def __init__(self, state: Path, solver: str) -> None:
        """Reads nothing yet.

        Args:
            state: the directory `.envsync` of the project.
            solver: the name and the version of the solver.
        """
        self._state = state
        self._directory = state / "solved"
        self._solver = solver
        self._indexes: dict[str, str] = {}

    def read(self, request: Request) -> Result | None:
        """Returns the result of a request, or None if there is no usable result."""
        key = self._key(request)
        try:
            data = json.loads((self._directory / f"{key}.json").read_bytes())
            if data["key"] != key:
                return None
            count = len(request.dependencies)
            return Result(tuple(Fault.from_json(item, count) for item in data["faults"]))
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None

    def write(self, request: Request, result: Result) -> None:
        """Keeps a result. Does nothing if the directory cannot be written.

        A fault is stored only if every channel is on this machine, because somebody can upload the
        missing package to a server at any time.
        """
        if result.unreachable:
            return
        if result.faults and any(_is_remote(channel) for channel in request.channels):
            return
        key = self._key(request)
        content: JSON = {"key": key, "faults": [fault.to_json() for fault in result.faults]}
        with suppress(OSError):
            path = self._directory / f"{key}.json"
            replace_state_file(self._state, path, canonical_json(content).encode())

    def remove_old(self) -> None:
        """Removes results that were written more than a week ago."""
        oldest = time.time() - _KEPT_DAYS * 24 * 60 * 60
        with suppress(OSError):
            for path in self._directory.iterdir():
                with suppress(OSError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()

    def _key(self, request: Request) -> str:
        decides: JSON = {
            "format": _FORMAT,
            "envsync": __version__,
            "solver": self._solver,
            "request": [list(part) for part in astuple(request)],
            "indexes": [
                self._index(address)
                for channel in request.channels
                for address in addresses(channel)
            ],
        }
        return sha256_digest(canonical_json(decides)).partition(":")[2]

    def _index(self, address: str) -> str:
        """Returns a digest of the channel's index, or the date for a channel on a server."""
        if address not in self._indexes:
            directory = local_directory(address)
            self._indexes[address] = today() if directory is None else _digest(directory)
        return self._indexes[address]


def today() -> str:
    """Returns the date in UTC."""
    return datetime.now(UTC).date().isoformat()


def _is_remote(channel: str) -> bool:
    return any(local_directory(address) is None for address in addresses(channel))


def _digest(directory: Path) -> str:
    digest = hashlib.sha256()
    for platform in PLATFORMS:
        for path in _index_files(directory / platform):
            digest.update(f"{platform}/{path.name}\0".encode(errors="surrogateescape"))
            with suppress(OSError), path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _index_files(directory: Path) -> Iterable[Path]:
    return sorted(path for path in directory.glob("repodata*") if path.is_file())
