"""`Throttle`: the rate limits of the resource manager, as token buckets.

Each principal has two buckets in each subscription. One bucket has 250 reads and is refilled with
25 reads a second. The other has 200 writes and is refilled with 10 writes a second. If the
bucket for a request is empty, the request gets a 429. Source:
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

from msgspec import Struct
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envsync.emulator.middleware import asgi
from envsync.emulator.settings import MANAGEMENT_HOST

Operations = Literal["reads", "writes"]

_SUBSCRIPTION = re.compile(r"(?i)^/subscriptions/([^/]+)")


class Limit(Struct, frozen=True):
    """The capacity of a token bucket in requests, and its refill in requests per second."""

    size: int
    per_second: int


LIMITS: dict[Operations, Limit] = {"reads": Limit(250, 25), "writes": Limit(200, 10)}


@dataclass(slots=True)
class Bucket:
    """A token bucket.

    Attributes:
        limit: the capacity and refill of the bucket.
        clock: a function that returns the current time in seconds, from any starting point.
    """

    limit: Limit
    clock: Callable[[], float]
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at = self.limit.size, self.clock()

    def take(self) -> tuple[int, int]:
        """Takes one token from the bucket.

        Returns:
            The tokens left, and the seconds to wait if the bucket was empty.
        """
        now = self.clock()
        # The bucket is refilled on demand, for the time since the last request. No timer is needed.
        filled = self._left + (now - self._at) * self.limit.per_second
        self._left, self._at = min(self.limit.size, filled), now
        if self._left < 1:
            return 0, math.ceil((1 - self._left) / self.limit.per_second)
        self._left -= 1
        return int(self._left), 0


class Throttle:
    """ASGI middleware that limits the rate of requests to the resource manager's host."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        """Limits the rate of requests to `app`. `clock` returns the current time in seconds."""
        self._app = app
        self._clock = clock
        self._buckets: dict[tuple[str, str, Operations], Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or asgi.host(scope) != MANAGEMENT_HOST:
            await self._app(scope, receive, send)
            return
        kind: Operations = "reads" if scope["method"] in {"GET", "HEAD"} else "writes"
        found = _SUBSCRIPTION.match(asgi.path(scope))
        # Subscription ids are case-insensitive.
        subscription = found[1].lower() if found else ""
        key = (subscription, principal(asgi.header(scope, b"authorization")), kind)
        bucket = self._buckets.setdefault(key, Bucket(LIMITS[kind], self._clock))
        left, wait = bucket.take()

        async def add_header(message: Message) -> None:
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
            await answer(scope, receive, add_header)
        else:
            await self._app(scope, receive, add_header)


def principal(authorization: str) -> str:
    """Returns the principal (claim `oid`) of a bearer token.

    If the header has no token with this claim, the header itself is returned. All tokens of a
    principal share a bucket, as in Azure. The signature is not verified here, because the
    application verifies it.
    """
    try:
        claims = authorization.split(".")[1]
        # A JWT has no base64 padding, but Python requires padding. Python ignores superfluous
        # padding.
        return str(json.loads(base64.urlsafe_b64decode(claims + "=="))["oid"])
    except (IndexError, KeyError, TypeError, ValueError):
        return authorization
