"""`Throttle`: the resource manager's limits, as token buckets.

A bucket for each subscription and principal holds 250 reads, with 25 more each second, and another
one 200 writes, with 10 more each second; a request that finds none is answered 429. Source:
https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envsync.emulator.middleware import asgi
from envsync.emulator.settings import MANAGEMENT_HOST

Operations = Literal["reads", "writes"]

_SUBSCRIPTION = re.compile(r"(?i)^/subscriptions/([^/]+)")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests a bucket holds, and how many come back each second."""

    size: int
    per_second: int


LIMITS: dict[Operations, Limit] = {"reads": Limit(250, 25), "writes": Limit(200, 10)}


@dataclass(slots=True)
class Bucket:
    """Requests that are left, as of a time.

    Attributes:
        limit: its size and how it fills.
        clock: seconds, from any beginning.
    """

    limit: Limit
    clock: Callable[[], float]
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at = self.limit.size, self.clock()

    def take(self) -> tuple[int, int]:
        """Takes one; returns how many are left and, where there was none, the seconds to wait."""
        now = self.clock()
        filled = self._left + (now - self._at) * self.limit.per_second
        self._left, self._at = min(self.limit.size, filled), now
        if self._left < 1:
            return 0, math.ceil((1 - self._left) / self.limit.per_second)
        self._left -= 1
        return int(self._left), 0


class Throttle:
    """ASGI middleware that limits requests to the resource manager, and to nothing else."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        """Limits requests to `app`; `clock` counts seconds."""
        self._app = app
        self._clock = clock
        self._buckets: dict[tuple[str, str, Operations], Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or asgi.host(scope) != MANAGEMENT_HOST:
            await self._app(scope, receive, send)
            return
        kind: Operations = "reads" if scope["method"] in {"GET", "HEAD"} else "writes"
        found = _SUBSCRIPTION.match(asgi.path(scope))
        subscription = found[1].lower() if found else ""
        key = (subscription, principal(asgi.header(scope, b"authorization")), kind)
        bucket = self._buckets.setdefault(key, Bucket(LIMITS[kind], self._clock))
        left, wait = bucket.take()

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = f"x-ms-ratelimit-remaining-subscription-{kind}"
                MutableHeaders(scope=message)[name] = str(left)
            await send(message)

        if wait:
            answer = asgi.error_answer(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of '{kind}' for subscription '{subscription}' exceeded. Please try again"
                f" after '{wait}' seconds.",
                retry_after=wait,
            )
            await answer(scope, receive, count)
        else:
            await self._app(scope, receive, count)


def principal(authorization: str) -> str:
    """Whom a bearer token is of; the text itself where it is no token that says so.

    A new token of the same principal draws from the same bucket, as in the service.
    """
    try:
        claims = authorization.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=="))["oid"])
    except (IndexError, KeyError, TypeError, ValueError):
        return authorization
