"""`RequestLog`: writes a line of JSON for each request, without secrets."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envsync.emulator.middleware import asgi

# These parameters grant access. `sig` is the signature of a shared access signature (SAS). Bodies
# and headers are not logged, because they contain client secrets and tokens.
_SECRET = re.compile(r"(?i)(?<=[?&])(sig|code|client_secret|[a-z_]*token)=[^&]*")


class RequestLog:
    """ASGI middleware that writes `ts`, `method`, `host`, `path`, `query`, `status` and `ms`.

    `ts` is the time of arrival in UTC. `ms` is the number of milliseconds between the arrival and
    the end of the response. `status` is null if the connection ended without a response.
    """

    def __init__(self, app: ASGIApp, file: TextIO) -> None:
        """Writes a line to a file for each request to `app`. The caller closes the file."""
        self._app = app
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        at, started = datetime.now(UTC), time.perf_counter()
        status: int | None = None

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
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
            # Flush each line, because readers follow the log while the emulator runs.
            self._file.flush()


def without_secrets(query: str) -> str:
    """Replaces the values of secrets in a query by `***`, and returns the new query."""
    # Put a `?` before the query, because the pattern needs a `?` or `&` before each parameter.
    return _SECRET.sub(r"\1=***", "?" + query)[1:]
