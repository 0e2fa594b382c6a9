"""`running`: runs an emulator in a background thread for the duration of a `with` block.

    with running(Settings()) as emulator:
        subprocess.run(command, env={**os.environ, **emulator.variables})

All servers listen on free ports of 127.0.0.1. At the end of the block, all threads, processes and
temporary files are removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TextIO

import uvicorn
from msgspec import Struct
from starlette.types import ASGIApp

from envsync.emulator.endpoints.app import create_app
from envsync.emulator.middleware.stack import wrap
from envsync.emulator.network.azurecli import configuration
from envsync.emulator.network.azurite import INSTALL, Azurite
from envsync.emulator.network.certificates import Certificates, issue
from envsync.emulator.network.tunnel import Address, Destination, Tunnel
from envsync.emulator.settings import (
    APPLICATION_HOSTS,
    BLOB_SUFFIX,
    CLIENT_ID,
    CLIENT_SECRET,
    LOGIN_HOST,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    TEMPORARY,
    TENANT_ID,
    Settings,
)
from envsync.model.errors import EnvsyncError
from envsync.targets.appending import open_to_append
from envsync.targets.leftovers import locked_directory

_BLOB_HOSTS = f"*{BLOB_SUFFIX}"


class Emulator(Struct, frozen=True):
    """A running emulator.

    Attributes:
        variables: the environment variables that connect a client to the emulator.
        warnings: one sentence for each feature that is not available.
    """

    variables: Mapping[str, str]
    warnings: tuple[str, ...]


@contextlib.contextmanager
def running(settings: Settings, log: Path | None = None) -> Iterator[Emulator]:
    """Runs an emulator until the end of the block.

    Args:
        settings: the content and behaviour of the emulator.
        log: a file to which each request is appended as a line of JSON.

    Raises:
        EnvsyncError: the log cannot be written, a state file cannot be used, or the seed has
            errors.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(locked_directory(TEMPORARY))
        certificates = issue(directory, [*APPLICATION_HOSTS, _BLOB_HOSTS])
        file = None if log is None else stack.enter_context(_appending(log))
        azurite = Azurite(settings, certificates, directory)
        app = create_app(settings, make_container=azurite.make_container)
        server = _Server(
            app, settings=settings, certificates=certificates, azurite=azurite, log=file
        )
        tunnel = stack.enter_context(server.running())
        found = {**variables(settings, tunnel, certificates), **configuration(directory)}
        yield Emulator(found, tuple(_warnings(azurite)))


def variables(settings: Settings, tunnel: Address, certificates: Certificates) -> dict[str, str]:
    """Returns the environment variables that connect a client of Azure to the emulator."""
    proxy = f"http://{tunnel.host}:{tunnel.port}"
    authority = str(certificates.authority)
    # These variables override all proxy settings of the user. curl and requests prefer the names in
    # lower case, and a client connects directly to a host in NO_PROXY.
    direct = "localhost,127.0.0.1"
    found = {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "REQUESTS_CA_BUNDLE": authority,
        "CURL_CA_BUNDLE": authority,
        "SSL_CERT_FILE": authority,
        "NODE_EXTRA_CA_CERTS": authority,
        # The URL scheme is needed by @azure/identity (JavaScript), but not by azure-identity
        # (Python).
        "AZURE_AUTHORITY_HOST": f"https://{LOGIN_HOST}",
        "AZURE_TENANT_ID": TENANT_ID,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
        "AZURE_RESOURCE_GROUP": RESOURCE_GROUP,
    }
    if settings.workspaces:
        found["AZUREML_WORKSPACE_NAME"] = settings.workspaces[0]
    if settings.registries:
        found["AZUREML_REGISTRY_NAME"] = settings.registries[0]
    return found


def _warnings(azurite: Azurite) -> Iterator[str]:
    if azurite.program is None:
        yield (
            "Azurite is not installed, so build contexts cannot be uploaded. Install it with "
            f"`{INSTALL}`, or set ENVSYNC_AZURITE to the path of azurite-blob."
        )


def _appending(log: Path) -> TextIO:
    try:
        return open_to_append(log)
    except OSError as error:
        raise EnvsyncError(f"{log} cannot be written: {error.strerror}.") from error


class _Server:
    """The servers of an emulator, which run in one event loop."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        certificates: Certificates,
        azurite: Azurite,
        log: TextIO | None,
    ) -> None:
        self._socket = _listening_socket()
        self._address = Address(*self._socket.getsockname())
        self._azurite = azurite
        blobs: dict[str, Destination] = {_BLOB_HOSTS: azurite.address}
        self._tunnel = Tunnel({**dict.fromkeys(APPLICATION_HOSTS, self._application), **blobs})
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                wrap(
                    app,
                    settings,
                    cut=self._tunnel.cut,
                    close=partial(self._tunnel.cut, reset=False),
                    log=log,
                ),
                ssl_certfile=certificates.certificate,
                ssl_keyfile=certificates.key,
                # With `auto`, uvicorn would use httptools if it is installed.
                http="h11",
                ws="none",
                # With `auto`, uvicorn would hide exceptions at start-up.
                lifespan="on",
                # By default, uvicorn would configure the logging of the whole process.
                log_config=None,
                access_log=False,
                # A fault uses the client's address to find the connection that the fault resets. A
                # header such as `X-Forwarded-For` must not change this address.
                proxy_headers=False,
                server_header=False,
                # Clients keep idle connections in pools. If the server closed an idle connection,
                # the next request on this connection would fail.
                timeout_keep_alive=600,
                timeout_graceful_shutdown=5,
            )
        )
        self._ready: Future[Address] = Future()
        self._stop = asyncio.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[Address]:
        """Runs the servers in a background thread and yields the tunnel's address.

        Raises:
            EnvsyncError: the application did not start.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="envsync emulator") as thread:
            loop: Future[asyncio.AbstractEventLoop] = Future()
            done = thread.submit(asyncio.run, self._serve(loop))
            # Without this callback, `_ready.result()` would wait for ever after a failed start.
            done.add_done_callback(self._failed)
            try:
                yield self._ready.result()
            finally:
                if not done.done():
                    # asyncio events are not thread-safe.
                    loop.result().call_soon_threadsafe(self._stop.set)
                    done.result()

    def _failed(self, done: Future[None]) -> None:
        if not self._ready.done() and (error := done.exception()):
            self._ready.set_exception(error)

    async def _serve(self, loop: Future[asyncio.AbstractEventLoop]) -> None:
        loop.set_result(asyncio.get_running_loop())
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        try:
            while not self._uvicorn.started:
                if serving.done():
                    raise EnvsyncError("The emulator's application did not start.")
                # uvicorn offers no event for the end of its start-up.
                await asyncio.sleep(0.002)
            self._ready.set_result(await self._tunnel.start())
            await self._stop.wait()
        finally:
            # Stop the tunnel and Azurite at the same time, because each waits for the other. A new
            # connection can start Azurite, and the tunnel waits until this start is complete.
            # Azurite ends only after its open connections are closed, and the tunnel has to close
            # these connections.
            await asyncio.gather(self._tunnel.stop(), self._azurite.stop())
            self._uvicorn.should_exit = True
            await serving
            self._socket.close()

    async def _application(self) -> Address:
        return self._address


def _listening_socket() -> socket.socket:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    # asyncio sets TCP_NODELAY only on sockets that were created with a protocol number. Without
    # TCP_NODELAY, Nagle's algorithm and delayed acknowledgements delay every response by 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.setblocking(False)
    return listening
