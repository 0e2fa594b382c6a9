"""Runs emulators that take turns with one Azurite and share one certificate authority.

Azurite takes two seconds of CPU time to start, and most tests upload only a few files. An emulator
that ends leaves its Azurite to the next emulator of this process. The next emulator deletes the
containers before it uses them. `test_serving.py` tests how emulators start and end Azurite.
"""

from __future__ import annotations

import atexit
import shutil
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

import pytest
from msgspec import Struct

from envsync.emulator import serve
from envsync.emulator.network import azurite, blobs
from envsync.emulator.network.azurite import Azurite
from envsync.emulator.network.certificates import Certificates, issue
from envsync.emulator.network.tunnel import Address
from envsync.emulator.serve import Emulator
from envsync.emulator.settings import BLOB_SUFFIX, Settings


class _Running(Struct, frozen=True):
    """An Azurite process without an emulator, and the containers that it has."""

    process: azurite._Process
    address: Address
    containers: frozenset[str]


_FREE: list[_Running] = []


@contextmanager
def running(settings: Settings, log: Path | None = None) -> Iterator[Emulator]:
    """Runs an emulator as `envsync.emulator.serve.running` does."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            if settings.state is None:  # otherwise, Azurite keeps its blobs beside the state
                patch.setattr(serve, "Azurite", _SharedAzurite)
            patch.setattr(serve, "issue", lambda _directory, hosts: _certificates(tuple(hosts)))
            emulator = stack.enter_context(serve.running(settings, log))
        yield emulator


@cache
def _certificates(hosts: Iterable[str]) -> Certificates:
    directory = tempfile.mkdtemp(prefix="certificates-")
    atexit.register(shutil.rmtree, directory)
    return issue(Path(directory), hosts)


class _SharedAzurite(Azurite):
    """An Azurite that is not ended with its emulator."""

    def __init__(self, settings: Settings, certificates: Certificates, directory: Path) -> None:
        super().__init__(settings, certificates, directory)
        self._made = set(self._containers)

    def make_container(self, name: str) -> None:
        self._made.add(name)
        super().make_container(name)

    async def stop(self) -> None:
        self.program = None
        async with self._starting:
            if self._process is not None and self._address is not None:
                _FREE.append(_Running(self._process, self._address, frozenset(self._made)))

    def _start(self, program: Path) -> Address:
        if not _FREE:
            address = super()._start(program)
            assert self._process is not None
            atexit.register(self._process.end)
            return address
        found = _FREE.pop()
        self._process = found.process
        for name in found.containers:
            self._delete(name, found.address)
        with self._making:
            self._make_containers(found.address)
            self._address = found.address
        return found.address

    def _delete(self, container: str, address: Address) -> None:
        account = self._settings.blob_account
        context = ssl.create_default_context(cafile=self._certificates.authority)
        with closing(blobs._Connection(address, account + BLOB_SUFFIX, context)) as connection:
            headers = blobs._signed("DELETE", self._settings, f"/{account}/{container}")
            connection.request("DELETE", f"/{container}?restype=container", headers=headers)
            # 404: the emulator ended before it had created the container.
            assert connection.getresponse().status in {202, 404}
