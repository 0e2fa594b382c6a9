"""`Faults` injects errors, and `Latency` injects delays.

Faults and delays are the same on every run.

Whether a fault affects a request depends only on the seed, the request, and the number of earlier
equal requests. Neither the time nor the order of concurrent requests has an effect on faults.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envsync.emulator.middleware import asgi
from envsync.emulator.network.tunnel import Address
from envsync.emulator.service.errors import ServiceError, forbidden, unauthorized
from envsync.emulator.settings import LOGIN_HOST, PROVIDER, REGISTRY_HOST, FaultKind

Cut = Callable[[Address], None]
"""The type of a function that ends a client's connection. The argument is the client's address."""

RETRY_AFTER = 1
"""The value of `Retry-After` in responses with the status 429 or 503, in seconds."""

_ANSWERS: dict[FaultKind, tuple[int, str, str, int | None]] = {
    "429": (429, "TooManyRequests", "Too many requests. Please try again later.", RETRY_AFTER),
    "500": (500, "InternalServerError", "An internal server error occurred.", None),
    "503": (503, "ServiceUnavailable", "The service is unavailable.", RETRY_AFTER),
}

_WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})

_ENDPOINT_FAULTS: frozenset[FaultKind] = frozenset(
    {"refuse-upload", "operation-fails", "operation-hangs"}
)
"""The faults that change what an endpoint does. The endpoint gets the fault from `fault_of`."""

_UPLOAD = re.compile(r"/listSecrets$|/tempdatarefs/")
_VERSION = re.compile(r"/environments/[^/]+/versions/[^/]+$")
_FAULT_KEY = "envsync.fault"


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
    - `close` closes the connection but does not end the TLS session, as a broken proxy does. The
      application does not receive the request.
    - `timeout` sends no response and keeps the connection open until the client closes it.
    - `drop-after-commit` affects only writes. The application executes the request. Then the
      connection is reset, and no response is sent.
    - `401` revokes the token of the request. Every request with this token gets a 401.
    - `403` affects only writes. The client gets the response for a missing permission.
    - The endpoints execute `refuse-upload`, `operation-fails` and `operation-hangs`: see
      `Registries` and `storage`.

    Requests to the login host are never affected, because the login host is a separate service.
    """

    def __init__(
        self,
        app: ASGIApp,
        rates: Sequence[tuple[FaultKind, float]],
        *,
        seed: int,
        cut: Cut,
        close: Cut | None = None,
    ) -> None:
        """Injects faults into requests to an application.

        Args:
            app: the application.
            rates: kinds of fault, each with the share of requests (0 to 1) that it affects.
            seed: the seed. With the same seed, the same requests are affected.
            cut: a function that resets a connection.
            close: a function that closes a connection but does not end the TLS session. If None,
                `cut` is called instead.
        """
        self._app = app
        self._rates = tuple(rates)
        self._seed = seed
        self._cut = cut
        self._close = close or cut
        self._made: Counter[str] = Counter()
        self._revoked: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        kind = None if scope["type"] != "http" else self._fault(scope)
        if kind in _ENDPOINT_FAULTS:
            await self._app({**scope, _FAULT_KEY: kind}, receive, send)
        elif kind is None:
            await self._app(scope, receive, send)
        elif answer := _ANSWERS.get(kind):
            status, code, message, retry_after = answer
            response = asgi.error_answer(status, code, message, retry_after=retry_after)
            await response(scope, receive, send)
        elif kind == "401":
            self._revoked.add(asgi.header(scope, b"authorization"))
            await _refuse(unauthorized("invalid_token"), scope, receive, send)
        elif kind == "403":
            action = f"{PROVIDER}/workspaces/environments/versions/write"
            await _refuse(forbidden("fault", action, asgi.path(scope)), scope, receive, send)
        elif kind == "timeout":
            await _gone(receive)
        else:
            if kind == "drop-after-commit":
                await self._app(scope, receive, _nowhere)
            end = self._close if kind == "close" else self._cut
            end(Address(*scope["client"]))
            # If this call returned without a response, uvicorn would send a 500.
            await _gone(receive)

    def _fault(self, scope: Scope) -> FaultKind | None:
        if asgi.host(scope) == LOGIN_HOST:
            return None
        if asgi.header(scope, b"authorization") in self._revoked:
            return "401"
        request = f"{scope['method']} {asgi.host(scope)}{asgi.path(scope)}?{asgi.query(scope)}"
        self._made[request] += 1
        # The kinds are tried in the order of the options. At most one kind affects a request.
        for kind, rate in self._rates:
            if not _affects(kind, scope):
                continue
            if share(self._seed, kind, request, times=self._made[request]) < rate:
                return kind
        return None


def _affects(kind: FaultKind, scope: Scope) -> bool:
    """Returns whether a kind of fault can affect a request."""
    if kind in ("drop-after-commit", "403"):
        return scope["method"] in _WRITES
    if kind == "refuse-upload":
        return bool(_UPLOAD.search(asgi.path(scope)))
    if kind in _ENDPOINT_FAULTS:
        new_version = scope["method"] == "PUT" and _VERSION.search(asgi.path(scope))
        return bool(new_version) and asgi.host(scope) == REGISTRY_HOST
    return True


def fault_of(scope: Mapping[str, Any]) -> FaultKind | None:
    """Returns the fault that the endpoint of a request must execute, or None."""
    return cast("FaultKind | None", scope.get(_FAULT_KEY))


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


async def _refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends an error as the response."""
    await JSONResponse(error.body, error.status, error.headers)(scope, receive, send)


async def _gone(receive: Receive) -> None:
    """Waits until the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(message: Message) -> None:
    """Discards a part of a response."""
