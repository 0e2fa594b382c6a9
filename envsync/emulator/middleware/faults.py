"""`Faults` and `Latency`: what goes wrong and what takes time, the same way on every run.

Whether a request is hit depends on the seed, the request and how often it was made before, and on
nothing else: neither on the clock, nor on which of two requests at the same time came first.
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
"""Resets the connection of the client at this address."""

RETRY_AFTER = 1
"""Seconds that 429 and 503 tell a client to wait."""

_ANSWERS: dict[FaultKind, tuple[int, str, str, int | None]] = {
    "429": (429, "TooManyRequests", "Too many requests. Please try again later.", RETRY_AFTER),
    "500": (500, "InternalServerError", "An internal server error occurred.", None),
    "503": (503, "ServiceUnavailable", "The service is unavailable.", RETRY_AFTER),
}

_WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})


class Latency:
    """ASGI middleware that waits before each answer."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """Answers as `app` does, `seconds` later."""
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http":
            await asyncio.sleep(self._seconds)
        await self._app(scope, receive, send)


class Faults:
    """ASGI middleware that answers some requests with an error, or not at all.

    `429`, `500` and `503` are answers, and the application sees nothing of the request. `reset`
    breaks the connection instead of an answer, `timeout` keeps it open until the client gives up.
    `drop-after-commit` hits writes only: the application does the work, and its answer is lost.
    Logging in always works; it is another service.
    """

    def __init__(
        self, app: ASGIApp, rates: Sequence[tuple[FaultKind, float]], seed: int, cut: Cut
    ) -> None:
        """Answers as `app` does, but for some requests.

        Args:
            app: the application.
            rates: kinds of fault with the share of requests that each hits, from 0 to 1.
            seed: the same seed hits the same requests.
            cut: breaks a connection.
        """
        self._app = app
        self._rates = tuple(rates)
        self._seed = seed
        self._cut = cut
        self._made: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
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
            await _gone(receive)

    def _fault(self, scope: Scope) -> FaultKind | None:
        if asgi.host(scope) == LOGIN_HOST:
            return None
        request = f"{scope['method']} {asgi.host(scope)}{asgi.path(scope)}?{asgi.query(scope)}"
        self._made[request] += 1
        for kind, rate in self._rates:
            if kind == "drop-after-commit" and scope["method"] not in _WRITES:
                continue
            if share(self._seed, kind, request, self._made[request]) < rate:
                return kind
        return None


def share(seed: int, kind: str, request: str, times: int) -> float:
    """A number from 0 to 1, evenly distributed over requests, that is always the same for one."""
    digest = hashlib.sha256(f"{seed}\n{kind}\n{times}\n{request}".encode()).digest()
    return float(int.from_bytes(digest[:8]) / 2**64)


async def _gone(receive: Receive) -> None:
    """Waits until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(message: Message) -> None:
    """Sends nothing."""
