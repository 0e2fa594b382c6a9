"""`Azurite`: runs Microsoft's emulator of the blob service in a separate process.

The first connection starts the process, because only uploads of build contexts need Azurite, and
its start takes a second or two. The program and its options are described in
https://github.com/Azure/Azurite
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
from envsync.emulator.network.tunnel import Address, TunnelRefusal
from envsync.emulator.settings import Settings

INSTALL = "npm install --global azurite"

# The warning at the start of the emulator contains the command that installs Azurite. The error
# message of a failed upload contains only this reason, without the command.
_MISSING = "The envsync emulator needs Azurite for uploads, and Azurite is not installed"

START_SECONDS = 60.0
"""Maximum time in seconds until Azurite listens. One or two seconds are usual."""

_LISTENS = re.compile(r"successfully listens on https://127\.0\.0\.1:(\d+)")
_CLOSED = "successfully closed"

# Node.js loads this script before Azurite. The script ends Azurite when standard input is closed.
# The operating system closes standard input even if envsync is killed.
# - Azurite saves its data when it gets SIGTERM, so the script sends SIGTERM. If Azurite is still
# starting, the script first waits until Azurite has a handler for SIGTERM.
# - Saving can hang, so the script exits after five seconds in any case.
# - `unref`: neither the timer nor the open standard input keeps Node.js running.
_END_WITH_STDIN = """
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
    """Azurite did not start. The message contains the last lines of its output."""


def find() -> Path | None:
    """Returns the path of `azurite-blob`, or None if it is not installed.

    Searches in this order: the variable `ENVSYNC_AZURITE`, the `PATH`, `node_modules` in the
    working directory, and `azurite/node_modules` in the virtual environment.
    """
    if named := os.environ.get("ENVSYNC_AZURITE"):
        found = shutil.which(named)
        return Path(found) if found else None
    places = [None, Path("node_modules/.bin"), Path(sys.prefix) / "azurite/node_modules/.bin"]
    for place in places:
        if found := shutil.which("azurite-blob", path=place and str(place.absolute())):
            return Path(found)
    return None


class Azurite:
    """An Azurite process, which the first call of `address` starts.

    Attributes:
        program: the path of the executable, or None if it is not installed.
    """

    def __init__(self, settings: Settings, certificates: Certificates, directory: Path) -> None:
        """Finds the program, without starting it.

        Args:
            settings: account, key and containers. If `state` is set, blobs are stored next to the
                state file.
            certificates: the certificate that Azurite presents.
            directory: the directory for temporary files.
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
        """Returns the address of Azurite. The first call starts Azurite and creates all containers.

        Raises:
            TunnelRefusal: Azurite is not installed, or did not start.
        """
        async with self._starting:
            if self.program is None:
                raise TunnelRefusal(503, _MISSING)
            if self._address is None:
                try:
                    return await asyncio.to_thread(self._start, self.program)
                except (AzuriteFailed, OSError) as error:
                    reason = f"Azurite did not start. {' '.join(str(error).split())}"
                    raise TunnelRefusal(503, reason) from error
        return self._address

    def make_container(self, name: str) -> None:
        """Creates a container now if Azurite runs, or later when Azurite starts. Thread-safe.

        Raises:
            OSError: Azurite did not create the container.
        """
        with self._making:
            self._containers.append(name)
            if self._address is not None:
                self._make_containers(self._address)

    async def stop(self) -> None:
        """Ends the process, and waits until it has ended."""
        self.program = None
        if self._process is not None:
            await asyncio.to_thread(self._process.end)
        # A concurrent call of `address` may have created the process in the meantime.
        async with self._starting:
            if self._process is not None:
                await asyncio.to_thread(self._process.end)

    def _start(self, program: Path) -> Address:
        process = subprocess.Popen(  # noqa: S603 - no shell, and Azurite is the program
            [str(program), *self._options()],
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            # A process in a new session does not receive SIGINT from Ctrl-C. Azurite must run until
            # the last client has ended, and envsync then ends Azurite.
            start_new_session=True,
        )
        # Set `_process` before Azurite listens, because `stop` must be able to end an Azurite
        # process that is still starting.
        self._process = _Process(process, in_memory=self._settings.state is None)
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
            create_container(
                name,
                address=address,
                settings=self._settings,
                authority=self._certificates.authority,
            )
            # Remove the name only after success. If the request fails, the next start of Azurite
            # creates the container.
            self._containers.pop()

    def _options(self) -> Iterator[str]:
        yield from ["--blobHost", "127.0.0.1", "--blobPort", "0"]
        yield from ["--cert", str(self._certificates.certificate)]
        yield from ["--key", str(self._certificates.key)]
        # Azurite must not check API versions, because clients use newer API versions than Azurite
        # supports.
        yield from ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        if self._settings.state is None:
            yield "--inMemoryPersistence"
        else:
            state = self._settings.state
            yield from ["--location", str(state.with_name(f"{state.stem}.blobs").absolute())]

    def _environment(self) -> dict[str, str]:
        script = self._directory / "end-with-stdin.cjs"
        script.write_text(_END_WITH_STDIN, encoding="utf-8")
        accounts = f"{self._settings.blob_account}:{self._settings.blob_key}"
        return {
            **os.environ,
            "AZURITE_ACCOUNTS": accounts,
            # The user's own `NODE_OPTIONS` are kept.
            "NODE_OPTIONS": f'{os.environ.get("NODE_OPTIONS", "")} --require "{script.as_posix()}"',
        }


class _Process:
    """A running Azurite process.

    A thread reads the output, because Azurite would block if the pipe were full. The thread is a
    daemon thread, so that Python can exit even if Azurite never closes the pipe.
    """

    def __init__(self, process: subprocess.Popen[str], *, in_memory: bool) -> None:
        self._process = process
        self._in_memory = in_memory
        self._address: Future[Address] = Future()
        self._reader = threading.Thread(target=self._read, name="azurite", daemon=True)
        self._reader.start()

    def address(self) -> Address:
        """Waits until Azurite listens, and returns its address.

        Raises:
            AzuriteFailed: Azurite ended, or did not listen within `START_SECONDS`.
        """
        try:
            return self._address.result(timeout=START_SECONDS)
        except TimeoutError as error:
            raise AzuriteFailed(
                f"Azurite did not listen within {START_SECONDS:.0f} seconds."
            ) from error

    def end(self) -> None:
        """Lets Azurite save its data and then end, and waits until the process has ended."""
        # When standard input is closed, Azurite sends SIGTERM to itself (`_END_WITH_STDIN`).
        # Closing standard input works even if `_process` is a wrapper script. Do not send another
        # SIGTERM. The first SIGTERM makes Azurite save its data, and a second SIGTERM would end
        # Azurite before the data is complete.
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._in_memory:
            self._process.kill()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # The timeout is needed because a child process of Azurite can keep the pipe open.
        self._reader.join(timeout=10)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _read(self) -> None:
        last: deque[str] = deque(maxlen=5)
        for line in self._process.stdout or ():
            last.append(line)
            if (found := _LISTENS.search(line)) and not self._address.done():
                self._address.set_result(Address("127.0.0.1", int(found[1])))
            if _CLOSED in line:
                # Azurite has saved all data. Without a kill, Azurite would wait until clients close
                # their connections.
                self._process.kill()
        if not self._address.done():
            self._address.set_exception(
                AzuriteFailed("".join(last) or "Azurite printed no output.")
            )
