"""`Faults` and `Latency`: inject errors and delays, which are the same on every run.

Only the seed, the request, and the number of earlier equal requests decide whether a fault affects
a request. Neither the time nor the order of concurrent requests has an effect on faults.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envsync.emulator.middleware import asgi
from envsync.emulator.network.tunnel import Address
from envsync.emulator.settings import LOGIN_HOST, FaultKind

Cut = Callable[[Address], None]
"""The type of a function that resets a client's connection. The argument is the client's address.
"""

RETRY_AFTER = 1
"""The value of `Retry-After` in responses with the status 429 or 503, in seconds."""

_ANSWERS: dict[FaultKind, tuple[int, str, str, int | None]] = {
    "429": (429, "TooManyRequests", "Too many requests. Please try again later.", RETRY_AFTER),
    "500": (500, "InternalServerError", "An internal server error occurred.", None),
    "503": (503, "ServiceUnavailable", "The service is unavailable.", RETRY_AFTER),
}

_WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})


class Latency:
    """ASGI middleware that delays each request."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """Delays requests to `app` by a number of seconds."""
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] == "http":
            await asyncio.sleep(self._seconds)
        await self._app(scope, receive, send)


class Faults:
    """ASGI middleware that returns an error or no response for some requests.

    - `429`, `500` and `503` are responses. The application does not receive the request.
    - `reset` resets the connection. The application does not receive the request.
    - `timeout` sends no response and keeps the connection open until the client closes it.
    - `drop-after-commit` affects only writes. The application executes the request. Then the
      connection is reset, and no response is sent.

    Requests to the login host are never affected, because it is a separate service.
    """

    def __init__(
        self, app: ASGIApp, rates: Sequence[tuple[FaultKind, float]], *, seed: int, cut: Cut
    ) -> None:
        """Injects faults into requests to an application.

        Args:
            app: the application.
            rates: kinds of fault, each with the share of requests (0 to 1) that it affects.
            seed: the seed. With the same seed, the same requests are affected.
            cut: a function that resets a connection.
        """
        self._app = app
        self._rates = tuple(rates)
        self._seed = seed
        self._cut = cut
        self._made: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        kind = None if scope["type"] != "http" else self._fault(scope)
        if kind is None:
            await self._app(scope, receive, send)
        elif answer := _ANSWERS.get(kind):
            status, code, message, retry_after = answer
            response = asgi.error_answer(status, code, message, retry_after=retry_after)
            await response(scope, receive, send)
        elif kind == "timeout":
            await _gone(receive)
        else:
            if kind == "drop-after-commit":
                await self._app(scope, receive, _nowhere)
            self._cut(Address(*scope["client"]))
            # If this call returned without a response, uvicorn would send a 500.
            await _gone(receive)

    def _fault(self, scope: Scope) -> FaultKind | None:
        if asgi.host(scope) == LOGIN_HOST:
            return None
        request = f"{scope['method']} {asgi.host(scope)}{asgi.path(scope)}?{asgi.query(scope)}"
        self._made[request] += 1
        # The kinds are tried in the order of the options. At most one kind affects a request.
        for kind, rate in self._rates:
            if kind == "drop-after-commit" and scope["method"] not in _WRITES:
                continue
            if share(self._seed, kind, request, times=self._made[request]) < rate:
                return kind
        return None


def share(seed: int, kind: str, request: str, *, times: int) -> float:
    """Returns a uniformly distributed number from 0 to 1, which is the same on every run.

    Args:
        seed: the seed of the run.
        kind: the kind of fault.
        request: method and URL.
        times: how many times the request was made, including this time. A repeated request gets a
            different number, so that a retry can succeed.
    """
    digest = hashlib.sha256(f"{seed}\n{kind}\n{times}\n{request}".encode()).digest()
    return float(int.from_bytes(digest[:8]) / 2**64)


async def _gone(receive: Receive) -> None:
    """Waits until the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(message: Message) -> None:
    """Discards a part of a response."""
