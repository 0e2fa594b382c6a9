"""`Azurite`: Microsoft's own emulator of the blob service, as a process on loopback.

It is started by the first connection that needs it, for most runs need none: only build contexts
are uploaded. https://github.com/Azure/Azurite describes the program and its options.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from envsync.emulator.network.blobs import create_container
from envsync.emulator.network.certificates import Certificates
from envsync.emulator.network.tunnel import Address, Refused
from envsync.emulator.settings import Settings

INSTALL = "npm install --global azurite"

START_SECONDS = 60.0
"""How long Azurite may take to listen. It takes one or two; a cold disk takes more."""

_LISTENS = re.compile(r"successfully listens on https://127\.0\.0\.1:(\d+)")
_CLOSED = "successfully closed"

# Ends Azurite when its standard input does: even where envsync was killed, none is left behind.
# It writes down what it keeps, but not for ever; and to listen for that is no reason to stay.
_FOLLOW = """
let ending = false;
function end() {
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(), 5000).unref();
  signal();
}
function signal() {
  if (process.listenerCount("SIGTERM")) process.kill(process.pid, "SIGTERM");
  else setTimeout(signal, 20);
}
process.stdin.on("end", end).on("error", end).resume().unref();
"""


class AzuriteFailed(Exception):
    """Azurite did not start; the message has the last lines it wrote."""


def find() -> Path | None:
    """The program: `ENVSYNC_AZURITE`, else on the `PATH`, else where npm or this project puts it.

    Looked through: `node_modules` in the working directory and in `azurite` of the virtual
    environment. None where there is no such program.
    """
    if named := os.environ.get("ENVSYNC_AZURITE"):
        found = shutil.which(named)
        return Path(found) if found else None
    places = [
        None,
        Path("node_modules/.bin"),
        Path(sys.prefix, "azurite", "node_modules", ".bin"),
    ]
    for place in places:
        if found := shutil.which("azurite-blob", path=place and str(place.absolute())):
            return Path(found)
    return None


class Azurite:
    """One Azurite, started when it is first asked for its address.

    Attributes:
        program: the executable; None where there is none, and then asking raises `Refused`.
    """

    def __init__(self, settings: Settings, certificates: Certificates, directory: Path) -> None:
        """Starts nothing yet.

        Args:
            settings: account, key and containers; with a `state`, blobs are kept beside it.
            certificates: what it presents itself with.
            directory: for its temporary files.
        """
        self.program = find()
        self._settings = settings
        self._certificates = certificates
        self._directory = directory
        self._process: _Process | None = None
        self._starting = asyncio.Lock()
        self._address: Address | None = None
        self._containers = list(settings.blob_containers)
        self._making = threading.Lock()

    async def address(self) -> Address:
        """Where it listens, with all containers made. The first call takes a second or two.

        Raises:
            Refused: it is not installed, or did not start.
        """
        async with self._starting:
            if self.program is None:
                raise Refused(503, f"Azurite, which keeps the blobs, is not installed: {INSTALL}")
            if self._address is None:
                try:
                    return await asyncio.to_thread(self._start, self.program)
                except (AzuriteFailed, OSError) as error:
                    reason = f"Azurite did not start. {' '.join(str(error).split())}"
                    raise Refused(503, reason) from error
        return self._address

    def make_container(self, name: str) -> None:
        """Sees to it that a container is there before the first client; from any thread.

        Raises:
            OSError: Azurite refused.
        """
        with self._making:
            self._containers.append(name)
            if self._address is not None:
                self._make_containers(self._address)

    async def stop(self) -> None:
        """Ends the process, and waits for its end."""
        self.program = None
        if self._process is not None:
            await asyncio.to_thread(self._process.end)
        async with self._starting:  # it may have been about to start
            if self._process is not None:
                await asyncio.to_thread(self._process.end)

    def _start(self, program: Path) -> Address:
        process = subprocess.Popen(
            [str(program), *self._options()],
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is for envsync, which ends Azurite when nobody needs it any more.
            start_new_session=True,
        )
        self._process = _Process(process, keeps_nothing=self._settings.state is None)
        try:
            address = self._process.address()
            with self._making:
                self._make_containers(address)
                self._address = address
        except (AzuriteFailed, OSError):
            self._process.end()
            raise
        return address

    def _make_containers(self, address: Address) -> None:
        while self._containers:
            name = self._containers[-1]
            create_container(address, self._settings, name, self._certificates.authority)
            self._containers.pop()

    def _options(self) -> Iterator[str]:
        yield from ("--blobHost", "127.0.0.1", "--blobPort", "0")
        yield from ("--cert", str(self._certificates.certificate))
        yield from ("--key", str(self._certificates.key))
        yield from ("--skipApiVersionCheck", "--disableTelemetry", "--silent")
        if self._settings.state is None:
            yield "--inMemoryPersistence"
        else:
            state = self._settings.state
            yield from ("--location", str(state.with_name(f"{state.stem}.blobs").absolute()))

    def _environment(self) -> dict[str, str]:
        follow = self._directory / "follow.cjs"
        follow.write_text(_FOLLOW, encoding="utf-8")
        accounts = f"{self._settings.blob_account}:{self._settings.blob_key}"
        return {
            **os.environ,
            "AZURITE_ACCOUNTS": accounts,
            "NODE_OPTIONS": f'{os.environ.get("NODE_OPTIONS", "")} --require "{follow.as_posix()}"',
        }


class _Process:
    """A running Azurite, whose output a thread reads: a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[str], *, keeps_nothing: bool) -> None:
        self._process = process
        self._keeps_nothing = keeps_nothing
        self._address: Future[Address] = Future()
        self._reader = threading.Thread(target=self._read, name="azurite", daemon=True)
        self._reader.start()

    def address(self) -> Address:
        """Waits until it says where it listens.

        Raises:
            AzuriteFailed: it ended before, or took longer than `START_SECONDS`.
        """
        try:
            return self._address.result(timeout=START_SECONDS)
        except TimeoutError as error:
            raise AzuriteFailed(f"It did not listen within {START_SECONDS:.0f} seconds.") from error

    def end(self) -> None:
        """Ends it, and waits for its end; what it keeps on disk, it writes before."""
        # This has Azurite signal itself (`_FOLLOW`), even if a wrapper script started it. No other
        # signal may follow: it writes what it keeps at the first, and the second ends it meanwhile.
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._keeps_nothing:
            self._process.kill()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=10)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _read(self) -> None:
        last: deque[str] = deque(maxlen=5)
        for line in self._process.stdout or ():
            last.append(line)
            if (found := _LISTENS.search(line)) and not self._address.done():
                self._address.set_result(Address("127.0.0.1", int(found[1])))
            if _CLOSED in line:  # all is written, and clients that stay connected would keep it
                self._process.kill()
        if not self._address.done():
            self._address.set_exception(AzuriteFailed("".join(last) or "It wrote nothing."))
