"""The HTTP transport for the requests of envsync and of azure-ai-ml.

The transport delays requests when the Resource Manager's rate limit is near, and gets a new token
if the service refuses the current token. The transport also limits long-running operations, and
writes the optional request log.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self, cast

from azure.core.pipeline.transport import RequestsTransport
from requests import RequestException

from envsync.model.canonical import JSON
from envsync.targets.azure.http.errors import ensure_succeeded
from envsync.targets.azure.http.operations import Operations
from envsync.targets.azure.http.retries import RETRIED
from envsync.targets.azure.http.session import new_session
from envsync.targets.connection import DEFAULT_OPERATION_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsync.targets.azure.http.log import RequestLog
    from envsync.targets.azure.http.sign_in import SignIn

_REMAINING_HEADER: Final = "x-ms-ratelimit-remaining-subscription-"
"""The header with the number of remaining requests. Its full name ends in `reads` or `writes`."""

_FULL_SPEED: Final = 100
"""Requests are not delayed while at least this number of requests remains in the token bucket."""

LONGEST_SILENCE: Final = 100.0
"""An attempt fails if the service sends no data for this number of seconds."""

_MOST_RENEWALS: Final = 3
"""The maximum number of times that a request is sent again with a new token."""

_BEARER: Final = "Bearer "

# Each combination of subscription, principal and region has its own token bucket:
# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
READS: Final = 25.0
WRITES: Final = 10.0
"""The number of requests that the Resource Manager adds to the token bucket each second."""


class Throttle:
    """Delays requests so that the Resource Manager's token bucket never runs empty.

    While at least `_FULL_SPEED` requests remain, there is no delay. If fewer requests remain, the
    delay grows as the bucket empties. When the bucket is empty, all workers together send at most
    `refill` requests per second.
    """

    def __init__(
        self, parallel: int, refill: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Creates a throttle that does not delay requests yet.

        Args:
            parallel: the number of workers.
            refill: the number of requests that are added to the token bucket each second.
            sleep: a function that waits for a number of seconds.
        """
        self._parallel = parallel
        self._refill = refill
        self._sleep = sleep
        self._remaining: int | None = None

    def note(self, remaining: str | None) -> None:
        """Records the number of remaining requests, from a header of a response. Ignores None."""
        if remaining is not None and remaining.isdecimal():
            self._remaining = int(remaining)

    @property
    def delay(self) -> float:
        """The seconds by which the next request is delayed."""
        if self._remaining is None or self._remaining >= _FULL_SPEED:
            return 0.0
        return (1 - self._remaining / _FULL_SPEED) * self._parallel / self._refill

    def wait(self) -> None:
        """Waits for `delay` seconds."""
        if delay := self.delay:
            self._sleep(delay)


class SharedTransport(RequestsTransport):  # type: ignore[misc]  # azure-core hides its type
    """A transport with one HTTP session, which all threads and azure-ai-ml's clients share.

    azure-core calls its transport "not thread-safe" because of the session's cookies. Neither the
    Resource Manager nor registries use cookies, and this session keeps none.
    """

    def __init__(
        self,
        parallel: int,
        log: RequestLog | None = None,
        *,
        sign_in: SignIn | None = None,
        operations: Operations | None = None,
        sleep: Callable[[float], None] = time.sleep,
        silence: float | None = None,
    ) -> None:
        """Prepares the transport. Does not connect.

        Args:
            parallel: the maximum number of concurrent requests.
            log: the request log.
            sign_in: the credential of the requests. If None, no token is replaced.
            operations: limits long-running operations. If None, the default limit is used.
            sleep: a function that waits for a number of seconds.
            silence: an attempt fails if the service sends no data for this number of seconds. If
                None, the default is used.
        """
        super().__init__(
            session=new_session(parallel),
            session_owner=True,
            read_timeout=silence or LONGEST_SILENCE,
        )
        # azure-ai-ml's poller has no time limit. The transport sends every poll, so the transport
        # limits the duration of each long-running operation.
        self.operations = operations or Operations(DEFAULT_OPERATION_LIMIT)
        self._sign_in = sign_in
        self._throttles = {
            "reads": Throttle(parallel, READS, sleep),
            "writes": Throttle(parallel, WRITES, sleep),
        }
        self._log = log

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Sends one request. Arguments and exceptions are the same as in `RequestsTransport.send`.

        If the service refuses the token of the request (status 401), the request is sent again with
        a new token. azure-core's own policies would use the refused token until it expires.

        Raises:
            NotSignedIn: the service has refused the token, and the credential could not sign in
                again.
            TargetError: a long-running operation has taken too long or has failed.
        """
        if self._sign_in is None:
            return self._send(request, **kwargs)
        old = str(request.headers.get("Authorization") or "")
        token = self._sign_in.current(old.removeprefix(_BEARER))
        if old.startswith(_BEARER):
            request.headers["Authorization"] = _BEARER + token
        response = self._send(request, **kwargs)
        for _ in range(_MOST_RENEWALS):
            if response.status_code != 401 or not old.startswith(_BEARER):
                break
            renewed = self._sign_in.renewed(token)
            if renewed is None:
                break
            token = renewed
            request.headers["Authorization"] = _BEARER + token
            response = self._send(request, **kwargs)
        return response

    def sleep(self, duration: float) -> None:
        """Waits before azure-ai-ml polls an operation again, or repeats a failed request.

        An interruption of the run ends the wait.
        """
        self.operations.wait(duration)

    def _send(self, request: Any, **kwargs: Any) -> Any:
        kind = "reads" if request.method in {"GET", "HEAD"} else "writes"
        self._throttles[kind].wait()
        started = time.monotonic()
        try:
            response = super().send(request, **kwargs)
        except Exception as error:
            if self._log is not None:
                self._log.failed(request, error, time.monotonic() - started)
            raise
        if response.status_code >= 300:
            # azure-ai-ml streams some responses, and can repeat a request before it has read the
            # response. Read the response here, because its connection would otherwise never return
            # to the pool.
            with suppress(RequestException):
                _ = response.internal_response.content
        self._throttles[kind].note(response.headers.get(_REMAINING_HEADER + kind))
        if self._log is not None:
            self._log.answered(request, response, time.monotonic() - started)
        # The URL in the header `Location` returns 202 until the operation has ended. The URL in the
        # header `Azure-AsyncOperation` returns 200, and the body contains the state of the
        # operation. `Rest` reads this state.
        if request.method == "GET" and response.status_code not in RETRIED:
            if response.status_code == 200 and self.operations.is_polled(request.url):
                # azure-ai-ml does not read this body, so azure-ai-ml would report a failed
                # operation as done.
                ensure_succeeded(_body(response))
            self.operations.polled(request.url, ended=response.status_code != 202)
        return response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Does not close the session.

        azure-core exits this context when a client is closed. Other clients still use the
        transport.
        """


def _body(response: Any) -> JSON:
    """Returns the body of a response as JSON data, or None if it is not JSON."""
    try:
        return cast("JSON", response.internal_response.json())
    except ValueError:
        return None
