"""The connection to Azure that reading, updating and azure-ai-ml share.

It keeps enough connections open for all requests that are under way at once, slows down as
Azure's allowance runs out, and writes down what is sent, where somebody asked for that.
"""

from __future__ import annotations

import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from envsync.model.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envsync.targets.azure.http.log import RequestLog

_REMAINING_HEADER: Final = "x-ms-ratelimit-remaining-subscription-"
"""Before `reads` or `writes`: how many the Resource Manager still grants at once."""

_FULL_SPEED: Final = 100
"""With more requests left than this nobody waits."""

LONGEST_OPERATION: Final = 60 * 60.0
"""Seconds that a long-running operation may take: what the service says of its own
(`x-ms-async-operation-timeout: PT1H`, recorded)."""

READS: Final = 25.0
WRITES: Final = 10.0
"""What the Resource Manager adds each second (documentation, "Throttling limits")."""


class Throttle:
    """How long each request waits, so that an allowance never runs out.

    With many requests left nobody waits. Below `_FULL_SPEED` each waits longer, and with none left
    all workers together send as many as the allowance grows by.
    """

    def __init__(
        self, parallel: int, refill: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Nothing is known yet.

        Args:
            parallel: how many workers there are.
            refill: how many requests the allowance grows by each second.
            sleep: waits so many seconds.
        """
        self._parallel = parallel
        self._refill = refill
        self._sleep = sleep
        self._remaining: int | None = None

    def note(self, remaining: str | None) -> None:
        """Takes down what an answer says is left; None where it says nothing."""
        if remaining is not None and remaining.isdecimal():
            self._remaining = int(remaining)

    @property
    def delay(self) -> float:
        """Seconds that a request waits now."""
        if self._remaining is None or self._remaining >= _FULL_SPEED:
            return 0.0
        return (1 - self._remaining / _FULL_SPEED) * self._parallel / self._refill

    def wait(self) -> None:
        """Waits as long as the next request has to."""
        if delay := self.delay:
            self._sleep(delay)


class SharedTransport(RequestsTransport):  # type: ignore[misc]  # azure-core hides its type
    """One session for all threads, and for azure-ai-ml's clients too.

    azure-core calls its transport "not thread-safe" because of the session's cookies; neither the
    Resource Manager nor registries use any, and none are kept here.
    """

    def __init__(
        self,
        parallel: int,
        log: RequestLog | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        longest_operation: float = LONGEST_OPERATION,
    ) -> None:
        """Does not connect.

        Args:
            parallel: how many requests are under way at once.
            log: what writes requests down.
            sleep: waits so many seconds.
            longest_operation: seconds for which an address may answer 202. azure-ai-ml itself
                waits for ever.
        """
        super().__init__(session=_session(parallel), session_owner=True, read_timeout=100)
        self._longest_operation = longest_operation
        self._unfinished: dict[str, float] = {}
        self._throttles = {
            "reads": Throttle(parallel, READS, sleep),
            "writes": Throttle(parallel, WRITES, sleep),
        }
        self._log = log

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Sends one request; signature and errors are those of `RequestsTransport`.

        Raises:
            TargetError: what is asked for has been unfinished for too long.
        """
        kind = "reads" if request.method in {"GET", "HEAD"} else "writes"
        self._throttles[kind].wait()
        started = time.monotonic()
        try:
            response = super().send(request, **kwargs)
        except Exception as error:
            if self._log is not None:
                self._log.failed(request, error, time.monotonic() - started)
            raise
        self._throttles[kind].note(response.headers.get(_REMAINING_HEADER + kind))
        if self._log is not None:
            self._log.answered(request, response, time.monotonic() - started)
        if request.method == "GET" and response.status_code == 202:
            since = self._unfinished.setdefault(request.url, started)
            if started - since > self._longest_operation:
                raise TargetError(
                    f"{urlsplit(request.url).path} is unfinished after "
                    f"{self._longest_operation:.0f} seconds. Look in Azure ML studio what became "
                    "of it, and run it again."
                )
        return response

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves it open: azure-core closes a transport with each client that used it."""


def _session(parallel: int) -> requests.Session:
    session = requests.Session()
    adapter = HTTPAdapter(
        # Retries are the pipeline's business. A block beats a connection that is thrown away.
        max_retries=Retry(total=False, redirect=False, raise_on_status=False),
        pool_connections=8,
        pool_maxsize=max(parallel, 1) + 4,
        pool_block=True,
    )
    session.mount("https://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session
