"""A fake of the endpoints from which a job of GitHub or Azure Pipelines requests tokens."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIFETIME = 600
"""Seconds until a token of the fake CI systems expires."""


def jwt() -> str:
    """Returns a token that was issued now. The emulator does not check signatures."""
    now = int(time.time())
    claims = {"iat": now, "nbf": now, "exp": now + LIFETIME}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.signature"


@dataclass
class CiSystem:
    """A fake of the endpoints from which a job of GitHub or Azure Pipelines requests tokens.

    Sources: https://docs.github.com/actions/reference/security/oidc and
    https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create

    Attributes:
        url: the URL of the server.
        requests: method, path with query, and `Authorization` of each request.
        answers: the status and body of the next responses. If empty, a token is issued.
    """

    url: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append((handler.command, handler.path, handler.headers["Authorization"]))
        key = "value" if handler.command == "GET" else "oidcToken"
        issued = (200, json.dumps({key: jwt()}).encode())
        status, content = self.answers.pop(0) if self.answers else issued
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


@contextmanager
def serving() -> Iterator[CiSystem]:
    """Runs a fake CI system until the end of the block."""
    found = CiSystem()

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.respond(self)

        def do_POST(self) -> None:
            found.respond(self)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
