"""Tries failed requests again, as often and as late as Azure asks for, within a time limit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any, Final

from azure.core.exceptions import (
    ClientAuthenticationError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from requests.exceptions import SSLError

RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may pass. A PUT can be sent twice, since it carries the whole state."""

MOST_FAILED_CONNECTIONS: Final = 3
"""A network that is down shall be reported soon."""

_FIRST_WAIT: Final = 0.4
_LONGEST_WAIT: Final = 30.0


class Retries(HTTPPolicy[Any, Any]):
    """A pipeline policy that sends a request again after what may pass.

    `Retry-After` is honoured, and up to a quarter is added by chance, so that many workers don't
    come back at once. Without it, waits double, between half and the whole of a bound. Where a wait
    would pass the time limit, the failure counts.
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
        """Sets the limit.

        Args:
            time_limit: seconds from the first attempt to the last.
            sleep: waits so many seconds.
            clock: seconds, from any start.
            chance: a number from 0 to 1.
            counted: failures of which no more than `MOST_FAILED_CONNECTIONS` are tried again. By
                default those before a request was sent: a network that is down.
        """
        super().__init__()
        self._time_limit = time_limit
        self._sleep = sleep
        self._clock = clock
        self._chance = chance
        self._counted = counted

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Sends a request, as often as it takes.

        Raises:
            AzureError: the last failure, where no answer came at all.
        """
        deadline = self._clock() + self._time_limit
        failed_connections = 0
        for attempt in count():
            response: PipelineResponse[Any, Any] | None = None
            failure: Exception | None = None
            try:
                response = self.next.send(request)
            except ClientAuthenticationError:
                raise
            except (ServiceRequestError, ServiceResponseError) as error:
                failure = error
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
        """Seconds until the next attempt."""
        if response is not None:
            asked = retry_after(response.http_response.headers)
            if asked is not None:
                return asked * (1 + self._chance() / 4)
        bound: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
        return bound * (0.5 + self._chance() / 2)


def is_certificate_error(error: BaseException) -> bool:
    """Whether a connection failed because somebody's certificate is not trusted."""
    inner: BaseException | None = getattr(error, "inner_exception", None)
    return isinstance(inner, SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks to wait; None where it asks for nothing that makes sense.

    `retry-after-ms` and `x-ms-retry-after-ms` are milliseconds; `Retry-After` is seconds or a date
    (RFC 9110).
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (value := headers.get(name)) is not None and value.isdecimal():
            return int(value) / 1000
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
