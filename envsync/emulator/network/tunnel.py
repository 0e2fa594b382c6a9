"""`Tunnel`: an HTTP proxy on loopback that knows the emulator's hosts and no others.

A client that is told of it (`HTTPS_PROXY`) speaks TLS with the service's real host names and ends
up at the emulator. What the tunnel does not know it refuses, with a reason that clients show; it
never connects to anything but the loopback addresses it was given.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

HEAD_LIMIT = 16 * 1024
"""Bytes that the head of a request may have."""

HEAD_SECONDS = 30.0
"""How long a client may take to send it."""

_CHUNK = 64 * 1024

_LINGER_NOT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""The option of a socket whose closing sends RST at once, not the polite FIN."""


class Address(NamedTuple):
    """A port on a loopback address."""

    host: str
    port: int


Destination = Callable[[], Awaitable[Address]]
"""Where connections to a host go; may start what listens there, or raise `Refused`."""


class Refused(Exception):
    """A connection that the tunnel does not make.

    Attributes:
        status: of the answer.
        reason: one line; clients show it in their error messages.
    """

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class Tunnel:
    """A proxy for `CONNECT` requests to port 443 of the hosts it knows."""

    def __init__(self, destinations: Mapping[str, Destination]) -> None:
        """Opens nothing yet.

        Args:
            destinations: by host name in lower case; `*.example.org` stands for all hosts below.
        """
        self._destinations = dict(destinations)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self._streams: set[asyncio.StreamWriter] = set()
        self._clients: dict[Address, asyncio.StreamWriter] = {}
        self._stopping = False

    async def start(self) -> Address:
        """Listens on a free port of the loopback address."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_LIMIT)
        return Address(*self._server.sockets[0].getsockname())

    async def stop(self) -> None:
        """Closes the port and every connection."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for writer in self._streams:
            writer.transport.abort()
        if self._connections:
            await asyncio.wait(self._connections)

    def cut(self, upstream: Address) -> None:
        """Resets the connection of the client that a destination sees as `upstream`.

        This is how an answer gets lost: the client sees its connection break, whatever the
        application behind the tunnel did.
        """
        if writer := self._clients.get(upstream):
            plug = writer.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        async with self._closing(writer):
            try:
                destination = self._route(await _head(reader))
                address = await destination()
            except Refused as refused:
                writer.write(_refusal(refused))
                return
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                return
            if not self._stopping:
                await self._join(reader, writer, address)

    def _route(self, request_line: str) -> Destination:
        method, target = (*request_line.split(), "", "")[:2]
        if method.upper() != "CONNECT":
            raise Refused(403, f"The envsync emulator speaks HTTPS only; {target} is plain HTTP")
        host, _, port = target.rpartition(":")
        host = host.lower().removesuffix(".")
        parent = "*." + host.partition(".")[2]
        destination = self._destinations.get(host) or self._destinations.get(parent)
        if destination is None or port != "443":
            raise Refused(403, f"The envsync emulator does not serve {target}, nor pass it on")
        return destination

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address
    ) -> None:
        """Copies both ways until one side ends; then the other has nothing to wait for."""
        try:
            far_reader, far_writer = await asyncio.open_connection(*address)
        except OSError:
            reason = "A part of the envsync emulator has stopped; start it again"
            writer.write(_refusal(Refused(502, reason)))
            return
        here = Address(*far_writer.get_extra_info("sockname"))
        async with self._closing(far_writer):
            self._clients[here] = writer
            try:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                copies = [
                    asyncio.create_task(_copy(reader, far_writer, at_once=writer)),
                    asyncio.create_task(_copy(far_reader, writer)),
                ]
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
                writer.close()
                far_writer.close()
                await asyncio.wait(copies)
            finally:
                del self._clients[here]

    @contextlib.asynccontextmanager
    async def _closing(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        self._streams.add(writer)
        try:
            yield
        finally:
            self._streams.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _head(reader: asyncio.StreamReader) -> str:
    """The first line of a request, after the whole head has been read.

    Raises:
        Refused: it is no HTTP, or longer than `HEAD_LIMIT`.
    """
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        return head.partition(b"\r\n")[0].decode("ascii")
    except (asyncio.LimitOverrunError, UnicodeDecodeError) as error:
        raise Refused(400, "This is no request that an HTTP proxy understands") from error


async def _copy(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    at_once: asyncio.StreamWriter | None = None,
) -> None:
    """Copies until the end; what comes over the connection of `at_once` is acknowledged so."""
    with contextlib.suppress(OSError):  # either side may be gone at any time
        while True:
            if at_once is not None:
                _acknowledge(at_once)
            if not (data := await reader.read(_CHUNK)):
                return
            writer.write(data)
            await writer.drain()


def _acknowledge(writer: asyncio.StreamWriter) -> None:
    """Has the system acknowledge at once what arrives next.

    Behind a proxy urllib3 holds a body back until its head is acknowledged, and where there is
    nothing to send back yet, that takes Linux 40 ms; other systems have no such option.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        plug = writer.get_extra_info("socket")
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _refusal(refused: Refused) -> bytes:
    # Clients show the reason phrase of a refused CONNECT and never its body; tools show the body.
    body = f"{refused.reason}.\n".encode()
    head = (
        f"HTTP/1.1 {refused.status} {refused.reason}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
