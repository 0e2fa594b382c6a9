"""`RequestLog`: one JSON line for each request, and never a secret in it."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envsync.emulator.middleware import asgi

# Signatures of shared access, and whatever else opens a door. Bodies and headers are not logged.
_SECRET = re.compile(r"(?i)(?<=[?&])(sig|code|client_secret|[a-z_]*token)=[^&]*")


class RequestLog:
    """ASGI middleware that writes `ts`, `method`, `host`, `path`, `query`, `status` and `ms`.

    `ts` is when the request came, in UTC; `ms` how long the answer took, in milliseconds; `status`
    is null where the connection broke before there was an answer.
    """

    def __init__(self, app: ASGIApp, file: TextIO) -> None:
        """Logs what `app` answers to an open file, which stays open."""
        self._app = app
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        at, started = datetime.now(UTC), time.perf_counter()
        status: int | None = None

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            line = {
                "ts": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "method": scope["method"],
                "host": asgi.host(scope),
                "path": asgi.path(scope),
                "query": without_secrets(asgi.query(scope)),
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
            }
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def without_secrets(query: str) -> str:
    """A query with its secrets' values replaced by `***`."""
    return _SECRET.sub(r"\1=***", "?" + query)[1:]
