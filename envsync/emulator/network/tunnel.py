"""`Tunnel`: an HTTP proxy on loopback that connects clients to the emulator.

A client that uses this proxy (`HTTPS_PROXY`) connects with TLS to the real host names of Azure and
reaches the emulator. The tunnel refuses hosts that the emulator does not serve, and sends a reason
that clients display. The tunnel connects only to the loopback addresses that it was created with.
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
"""Maximum size in bytes of a request line with its headers."""

HEAD_SECONDS = 30.0
"""Maximum time in seconds in which a client must send the request line and headers."""

_CHUNK = 64 * 1024

# `struct linger` has two shorts on Windows and two ints elsewhere.
_NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""A value of the option SO_LINGER. A socket with this value sends RST instead of FIN when closed.
"""


class Address(NamedTuple):
    """A port on a loopback address."""

    host: str
    port: int


Destination = Callable[[], Awaitable[Address]]
"""A function that returns the address for connections to a host.

The function may start the server first, or raise `TunnelRefusal`.
"""


class TunnelRefusal(Exception):
    """The tunnel refuses to connect a client.

    Attributes:
        status: the HTTP status of the response.
        reason: one line, which clients show in their error messages.
    """

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class Tunnel:
    """A proxy for `CONNECT` requests to port 443 of certain hosts."""

    def __init__(self, destinations: Mapping[str, Destination]) -> None:
        """Creates a tunnel that does not listen yet.

        Args:
            destinations: the destinations by host name in lower case. `*.example.org` matches
                exactly one label in place of `*`.
        """
        self._destinations = dict(destinations)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self._streams: set[asyncio.StreamWriter] = set()
        self._clients: dict[Address, asyncio.StreamWriter] = {}
        self._stopping = False

    async def start(self) -> Address:
        """Starts to listen on a free port of 127.0.0.1, and returns the address."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_LIMIT)
        return Address(*self._server.sockets[0].getsockname())

    async def stop(self) -> None:
        """Stops listening, and aborts every connection."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for writer in self._streams:
            writer.transport.abort()
        if self._connections:
            await asyncio.wait(self._connections)

    def cut(self, upstream: Address, *, reset: bool = True) -> None:
        """Ends a client's connection, to simulate a lost response.

        Args:
            upstream: the local address of the tunnel's own connection to the destination. The
                destination sees this address as the address of its client.
            reset: if True, the client gets an RST. If False, the client gets a FIN, but no end of
                the TLS session.
        """
        if writer := self._clients.get(upstream):
            if reset:
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            # `stop` waits for these tasks, because closing the server does not wait for them.
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        async with self._closing(writer):
            try:
                destination = self._route(await _head(reader))
                address = await destination()
            except TunnelRefusal as refusal:
                writer.write(_response(refusal))
                return
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                return
            if not self._stopping:
                await self._join(reader, writer, address)

    def _route(self, request_line: str) -> Destination:
        # Pad with empty strings, because a request line may have fewer than two words.
        method, target = [*request_line.split(), "", ""][:2]
        if method.upper() != "CONNECT":
            raise TunnelRefusal(
                403, f"The envsync emulator supports HTTPS only; {target} is plain HTTP"
            )
        host, _, port = target.rpartition(":")
        # Host names are case-insensitive, and can end with the dot of the DNS root.
        host = host.lower().removesuffix(".")
        parent = "*." + host.partition(".")[2]
        destination = self._destinations.get(host) or self._destinations.get(parent)
        if destination is None or port != "443":
            raise TunnelRefusal(
                403, f"The envsync emulator does not serve {target}, and does not forward to it"
            )
        return destination

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address
    ) -> None:
        """Connects to a destination and copies data both ways until one side closes."""
        try:
            far_reader, far_writer = await asyncio.open_connection(*address)
        except OSError:
            reason = "A server of the envsync emulator has stopped; restart the emulator"
            writer.write(_response(TunnelRefusal(502, reason)))
            return
        upstream_address = Address(*far_writer.get_extra_info("sockname"))
        async with self._closing(far_writer):
            self._clients[upstream_address] = writer
            try:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                copies = [
                    asyncio.create_task(_copy(reader, far_writer, acknowledged=writer)),
                    asyncio.create_task(_copy(far_reader, writer)),
                ]
                # HTTP clients do not half-close connections, so the end of one direction ends both.
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
                writer.close()
                far_writer.close()
                await asyncio.wait(copies)
            finally:
                del self._clients[upstream_address]

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
    """Reads the request line and headers of a request, and returns the request line.

    Raises:
        TunnelRefusal: the data is not HTTP, or longer than `HEAD_LIMIT`.
    """
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        return head.partition(b"\r\n")[0].decode("ascii")
    except (asyncio.LimitOverrunError, UnicodeDecodeError) as error:
        raise TunnelRefusal(400, "The request is not a valid request to an HTTP proxy") from error


async def _copy(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    acknowledged: asyncio.StreamWriter | None = None,
) -> None:
    """Copies data until the end of the stream.

    Args:
        reader: the source.
        writer: the destination.
        acknowledged: the writer of a connection. The packets of this connection are acknowledged
            immediately. If None, the operating system may delay acknowledgements.
    """
    with contextlib.suppress(OSError):  # either side may close the connection at any time
        while True:
            if acknowledged is not None:
                # Linux resets TCP_QUICKACK after some packets, so set TCP_QUICKACK again before
                # each read.
                _acknowledge_immediately(acknowledged)
            if not (data := await reader.read(_CHUNK)):
                return
            writer.write(data)
            await writer.drain()


def _acknowledge_immediately(writer: asyncio.StreamWriter) -> None:
    """Disables delayed acknowledgements for the next packets of a connection (Linux only).

    urllib3 sends the headers and the body of a request separately. Behind a proxy, Nagle's
    algorithm does not send the body until the headers are acknowledged. By default, Linux delays
    this acknowledgement by 40 ms.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _response(refusal: TunnelRefusal) -> bytes:
    # Most libraries show only the reason phrase of a refused CONNECT. curl can show the body.
    body = f"{refusal.reason}.\n".encode()
    head = (
        f"HTTP/1.1 {refusal.status} {refusal.reason}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
