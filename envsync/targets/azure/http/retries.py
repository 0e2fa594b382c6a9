"""Repeats failed requests until a time limit. Each wait is at least as long as `Retry-After`."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any, Final

from azure.core.exceptions import (
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy

# `RETRIED` has the statuses that azure-core retries by default.
RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of temporary failures. A PUT is idempotent, so it can be sent twice."""

MOST_FAILED_CONNECTIONS: Final = 3
"""The maximum number of retries after failed connections. It is small, to report errors soon."""

_FIRST_WAIT: Final = 0.4
_LONGEST_WAIT: Final = 30.0


class Retries(HTTPPolicy[Any, Any]):
    """A pipeline policy that sends a request again after a temporary failure.

    The policy waits as long as `Retry-After` says, plus a random time of up to a quarter of this
    wait. The random time prevents parallel workers from retrying at the same time. Without
    `Retry-After`, the policy backs off exponentially, with a random factor between a half and one.
    If a wait would exceed the time limit, the failure is final.

    `Retries` is not a subclass of azure-core's `RetryPolicy`. `RetryPolicy` retries certificate
    errors, and every status from 400 up (even 403) if the response has a `Retry-After`.
    `RetryPolicy` fails on a malformed `Retry-After`, and adds no random time to a valid
    `Retry-After`. `RetryPolicy` sleeps past its own time limit and then raises "Response timeout"
    instead of the last failure. A subclass would have to override `configure_retries`, `is_retry`,
    `increment` and `sleep`, which use untyped internal settings. The subclass would be as long as
    this class.
    """

    def __init__(
        self,
        time_limit: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        counted: tuple[type[Exception], ...] = (ServiceRequestError,),
    ) -> None:
        """Creates a retry policy with a time limit.

        Args:
            time_limit: the maximum seconds between the start of the first attempt and the start of
                the last attempt.
            sleep: a function that waits for a number of seconds.
            clock: a function that returns the time in seconds, such as `time.monotonic`.
            chance: a function that returns a random number from 0 to 1.
            counted: the exceptions that are retried at most `MOST_FAILED_CONNECTIONS` times. By
                default, these are the errors that occur before the request is sent.
        """
        super().__init__()
        self._time_limit = time_limit
        self._sleep = sleep
        self._clock = clock
        self._chance = chance
        self._counted = counted

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Sends a request, and sends it again after temporary failures.

        Raises:
            AzureError: the last attempt got no response.
        """
        deadline = self._clock() + self._time_limit
        failed_connections = 0
        for attempt in count():
            response: PipelineResponse[Any, Any] | None = None
            failure: Exception | None = None
            try:
                response = self.next.send(request)

            except (ServiceRequestError, ServiceResponseError) as error:
                failure = error
                # A failed connection usually means that the network is down, often for minutes. A
                # response with an error status shows that the network works, so responses with an
                # error status are not counted.
                failed_connections += isinstance(error, self._counted)
                if is_certificate_error(error) or failed_connections > MOST_FAILED_CONNECTIONS:
                    raise
            if response is not None and response.http_response.status_code not in RETRIED:
                return response
            wait = self._wait(attempt, response)
            if self._clock() + wait > deadline:
                if response is not None:
                    return response
                if failure is not None:
                    raise failure
            self._sleep(wait)
        raise AssertionError("counting never ends")

    def _wait(self, attempt: int, response: PipelineResponse[Any, Any] | None) -> float:
        """Returns the seconds until the next attempt."""
        if response is not None:
            asked = retry_after(response.http_response.headers)
            if asked is not None:
                # Never wait less than the service requests. If a request comes too early, the
                # service refuses it and the waiting time starts again.
                # https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
                return asked * (1 + self._chance() / 4)
        bound: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
        return bound * (0.5 + self._chance() / 2)


def is_certificate_error(error: BaseException) -> bool:
    """Returns whether a connection failed because a certificate is not trusted.

    The class `SSLError` is not enough, because a TLS connection that is cut also raises `SSLError`.
    """
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds to wait before the next request, or None if no header requests a wait.

    `retry-after-ms` and `x-ms-retry-after-ms` are milliseconds. `Retry-After` is seconds or a date:
    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (value := headers.get(name)) is not None and value.isdecimal():
            return int(value) / 1000
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        # `float` also accepts `nan` and `inf`, which are not valid waits.
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        # For a date with the zone `-0000` (UTC), Python returns a datetime without a time zone.
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
