"""Runs a proxy in front of an emulator. The proxy makes requests to the blob service fail.

The proxy decrypts TLS connections to blob hosts with its own certificate, and forwards their
requests to Azurite through the emulator's tunnel. The proxy forwards connections to all other hosts
unchanged.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from envsync.emulator.settings import BLOB_SUFFIX
from tests.targets.azure.on_emulator import Azure

RESET = "reset"
SILENCE = "silence"

Fault = str
"""`reset`, `silence`, or a status with an error code, such as `403 AuthorizationFailure`."""


@dataclass(frozen=True)
class Request:
    """A request to the blob service, without its signature."""

    method: str
    path: str
    query: str

    @property
    def writes_blob(self) -> bool:
        """True if the request writes a blob or a block of a blob."""
        # azure-ai-ml marks a complete upload with a request that writes only metadata.
        return self.method == "PUT" and "comp=metadata" not in self.query

    @property
    def file(self) -> str:
        """The last part of the blob's name."""
        return self.path.rpartition("/")[2]


@dataclass
class BlobFaults:
    """The faults of the proxy, and the requests that it received.

    Attributes:
        variables: the environment variables that clients in other processes need.
        fault: a function that returns the fault for a request, or None. Several threads call the
            function.
        requests: all requests that the blob service has received until now.
        silent: an event that is set when the proxy leaves a request without a response.
        over: an event that is set when the proxy ends, so that requests without a response also
            end.
    """

    variables: Mapping[str, str]
    fault: Callable[[Request], Fault | None] = lambda _: None
    requests: list[Request] = field(default_factory=list)
    silent: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def on_writes(self, fault: Fault, *files: str) -> None:
        """Makes every later write of a blob fail, or only writes of the blobs in `files`."""
        self.fault = lambda request: (
            fault if request.writes_blob and (not files or request.file in files) else None
        )

    def heal(self) -> None:
        """Lets every later request succeed."""
        self.fault = lambda _: None

    @property
    def written(self) -> list[str]:
        """The file names of all writes until now, including failed writes."""
        return [request.file for request in self.requests if request.writes_blob]


@contextlib.contextmanager
def blob_faults(service: Azure, directory: Path) -> Iterator[BlobFaults]:
    """Runs the proxy between this process and an emulator, and yields the faults of the proxy."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(f"*{BLOB_SUFFIX}").configure_cert(tls)
    emulators = Path(service.variables["REQUESTS_CA_BUNDLE"])
    bundle = directory / "authorities.pem"
    bundle.write_bytes(emulators.read_bytes() + authority.cert_pem.bytes())
    tunnel = urlsplit(service.variables["HTTPS_PROXY"])
    upstream = ssl.create_default_context(cafile=emulators)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """Prints nothing, because clients are allowed to close a connection at any time."""

    class Handler(_Handler):
        pass

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = f"http://127.0.0.1:{server.server_address[1]}"
        faults = BlobFaults(
            {
                **service.variables,
                **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
                **dict.fromkeys(
                    ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), str(bundle)
                ),
            }
        )
        Handler.faults, Handler.tls, Handler.upstream = faults, tls, upstream
        Handler.tunnel = (str(tunnel.hostname), int(tunnel.port or 0))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in faults.variables.items():
                patch.setenv(name, value)
            try:
                yield faults
            finally:
                faults.over.set()
                server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    """Handles one connection of a client."""

    protocol_version = "HTTP/1.1"
    faults: BlobFaults
    tls: ssl.SSLContext
    upstream: ssl.SSLContext
    tunnel: tuple[str, int]
    host: str

    def do_CONNECT(self) -> None:
        self.host = self.path.rpartition(":")[0]
        if not self.host.endswith(BLOB_SUFFIX):
            self._pass_on()
            return
        self.send_response(200)
        self.end_headers()
        # Read the next requests of this connection from the decrypted stream.
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_PUT(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        request = Request(self.command, parts.path, _without_signature(parts.query))
        self.faults.requests.append(request)
        fault = self.faults.fault(request)
        if fault is None:
            self._forward(body)
        elif fault == RESET:
            self._break()
        elif fault == SILENCE:
            self.faults.silent.set()
            self.faults.over.wait()
            self._break()
        else:
            status, code = fault.split()
            self._answer(int(status), {"x-ms-error-code": code}, _xml(code))

    def _forward(self, body: bytes) -> None:
        connection = http.client.HTTPSConnection(*self.tunnel, context=self.upstream, timeout=60)
        connection.set_tunnel(self.host, 443)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            # Drop these headers of Azurite, because the proxy sends the whole body with its own
            # length.
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = len(body) if self.command != "HEAD" else headers.get("content-length", "0")
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _break(self) -> None:
        """Resets the connection."""
        self.close_connection = True
        # With a linger time of 0 seconds, closing a socket sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _pass_on(self) -> None:
        self.close_connection = True
        with socket.create_connection(self.tunnel) as far:
            far.sendall(f"CONNECT {self.path} HTTP/1.1\r\nHost: {self.path}\r\n\r\n".encode())
            pair = {self.connection: far, far: self.connection}
            while not self.faults.over.is_set():
                for ready in select.select(list(pair), [], [], 0.5)[0]:
                    if not (data := ready.recv(65536)):
                        return
                    pair[ready].sendall(data)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


def _without_signature(query: str) -> str:
    return "&".join(part for part in query.split("&") if not part.startswith("sig="))


def _xml(code: str) -> bytes:
    text = f"<Error><Code>{code}</Code><Message>No.\nRequestId:0\nTime:0</Message></Error>"
    return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()
