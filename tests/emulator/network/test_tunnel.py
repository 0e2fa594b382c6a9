"""The proxy that connects clients to the emulator only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from envsync.emulator.network.tunnel import HEAD_LIMIT, Address, Tunnel, TunnelRefusal

Talk = Callable[[Tunnel, Address], Awaitable[bytes]]

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends data back in upper case. For `who?`, sends the port of the connection instead."""
    while data := await reader.read(65536):
        if data == b"who?":
            data = str(writer.get_extra_info("peername")[1]).encode()
        writer.write(data.upper())
    writer.close()


def through(talk: Talk, host: str = "management.azure.com") -> bytes:
    """Runs a client against a tunnel to an echo server, and returns the result of the client.

    Fails if a task is left running, or if an exception was not handled.
    """

    problems: list[object] = []

    async def run() -> bytes:
        asyncio.get_running_loop().set_exception_handler(lambda _, found: problems.append(found))
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        address = Address(*server.sockets[0].getsockname())

        async def destination() -> Address:
            return address

        async def broken() -> Address:
            raise TunnelRefusal(503, "Azurite is not installed")

        async def stopped() -> Address:
            return Address("127.0.0.1", 1)  # no server listens on this port

        tunnel = Tunnel({host: destination, "broken.net": broken, "stopped.net": stopped})
        result = await asyncio.wait_for(talk(tunnel, await tunnel.start()), 10)
        await asyncio.wait_for(tunnel.stop(), 10)
        server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=5)
        assert problems == []
        return result

    return asyncio.run(run(), debug=True)


def asking(request: bytes) -> Talk:
    async def talk(_tunnel: Tunnel, proxy: Address) -> bytes:
        reader, writer = await asyncio.open_connection(*proxy)
        writer.write(request)
        answer = await reader.read(65536)
        writer.close()
        await writer.wait_closed()
        return answer

    return talk


def connect(target: str) -> bytes:
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("management.azure.com", "management.azure.com:443"),
        # Host names are case-insensitive, and may end with a dot.
        ("management.azure.com", "Management.Azure.COM.:443"),
        ("*.blob.core.windows.net", "account.blob.core.windows.net:443"),
    ],
)
def test_the_tunnel_connects_a_client_to_a_known_host(host: str, target: str) -> None:
    async def talk(_tunnel: Tunnel, proxy: Address) -> bytes:
        reader, writer = await asyncio.open_connection(*proxy)
        writer.write(connect(target))
        answer = await reader.readexactly(len(ESTABLISHED))
        writer.write(b"hello")
        answer += await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        return answer

    assert through(talk, host) == ESTABLISHED + b"HELLO"


def test_large_data_is_copied_unchanged_in_both_directions() -> None:
    async def talk(_tunnel: Tunnel, proxy: Address) -> bytes:
        reader, writer = await asyncio.open_connection(*proxy)
        writer.write(connect("management.azure.com:443"))
        await reader.readexactly(len(ESTABLISHED))
        writer.write(b"x" * 3_000_000)
        answer = await reader.readexactly(3_000_000)
        writer.close()
        await writer.wait_closed()
        return answer

    assert through(talk) == b"X" * 3_000_000


@pytest.mark.parametrize(
    "target",
    [
        "example.org:443",
        "azure.com:443",
        "evil-management.azure.com:443",
        "a.management.azure.com:443",
        "management.azure.com:80",
        "management.azure.com",
        "127.0.0.1:443",
        "169.254.169.254:443",  # the metadata service of virtual machines
        "[::1]:443",
    ],
)
def test_the_refusal_of_an_unknown_host_contains_the_host(target: str) -> None:
    line, _, body = through(asking(connect(target))).decode().partition("\r\n")
    reason = f"The envsync emulator does not serve {target}, and does not forward to it"

    assert line == f"HTTP/1.1 403 {reason}"
    assert body.endswith(f"\r\n\r\n{reason}.\n")


def test_plain_http_is_refused() -> None:
    request = b"GET http://management.azure.com/x HTTP/1.1\r\nHost: management.azure.com\r\n\r\n"
    line = through(asking(request)).decode().partition("\r\n")[0]

    assert line == (
        "HTTP/1.1 403 The envsync emulator supports HTTPS only;"
        " http://management.azure.com/x is plain HTTP"
    )


@pytest.mark.parametrize("request_", [b"\r\n\r\n", b"CONNECT\r\n\r\n"])
def test_an_incomplete_request_is_refused(request_: bytes) -> None:
    assert through(asking(request_)).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("request_", [b"\xff\xfe\r\n\r\n", b"x" * (HEAD_LIMIT + 10)])
def test_data_that_is_not_http_is_refused(request_: bytes) -> None:
    assert through(asking(request_)).startswith(b"HTTP/1.1 400 ")


def test_the_tunnel_returns_why_a_destination_is_unavailable() -> None:
    answer = through(asking(connect("broken.net:443")))

    assert answer.startswith(b"HTTP/1.1 503 Azurite is not installed\r\n")


def test_a_stopped_destination_is_reported() -> None:
    assert through(asking(connect("stopped.net:443"))).startswith(b"HTTP/1.1 502 ")


def test_a_silent_client_does_not_delay_the_stop() -> None:
    async def talk(_tunnel: Tunnel, proxy: Address) -> bytes:
        _, writer = await asyncio.open_connection(*proxy)
        writer.write(b"CONN")
        # Gives the tunnel time to read the incomplete request.
        await asyncio.sleep(0.05)
        writer.close()
        return b"gone"

    assert through(talk) == b"gone"


def test_stopping_the_tunnel_closes_open_connections() -> None:
    async def talk(tunnel: Tunnel, proxy: Address) -> bytes:
        reader, writer = await asyncio.open_connection(*proxy)
        writer.write(connect("management.azure.com:443"))
        await reader.readexactly(len(ESTABLISHED))
        await tunnel.stop()
        rest = await reader.read()
        writer.close()
        return rest

    assert through(talk) == b""


def test_cutting_a_connection_affects_only_its_client() -> None:
    async def talk(tunnel: Tunnel, proxy: Address) -> bytes:
        pairs = [await asyncio.open_connection(*proxy) for _ in range(2)]
        ports = []
        for reader, writer in pairs:
            writer.write(connect("management.azure.com:443"))
            await reader.readexactly(len(ESTABLISHED))
            writer.write(b"who?")
            ports.append(int(await reader.read(100)))
        tunnel.cut(Address("127.0.0.1", ports[0]))
        with pytest.raises(ConnectionResetError):
            await pairs[0][0].read(1)
        pairs[1][1].write(b"still here")
        answer = await pairs[1][0].read(100)
        for _, writer in pairs:
            writer.close()
        return answer

    assert through(talk) == b"STILL HERE"
