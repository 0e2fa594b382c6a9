"""`Operations`: limits how long envsync waits for the service's long-running operations.

envsync's own requests and the requests of azure-ai-ml share one `Operations` object, because
azure-ai-ml's poller has no time limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from msgspec import Struct

from envsync.model.errors import TargetError


class Operations:
    """The operations that the service has not finished yet.

    Several threads can call methods at the same time.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Creates an object that contains no operations yet.

        Args:
            limit: seconds after which an operation fails if it has not ended.
            clock: a function that returns the time in seconds, such as `time.monotonic`.
        """
        self._limit = limit
        self._clock = clock
        self._polled: dict[str, Operation] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends all waits: each operation that has not ended fails at its next poll."""
        self._stopped.set()

    def start(self, url: str) -> Operation:
        """Starts the time limit of an operation. The caller calls `check` before each poll."""
        return Operation(self, urlsplit(url).path, self._clock())

    def polled(self, url: str, *, ended: bool) -> None:
        """Records the response to a poll. The first poll of an operation starts its time limit.

        Args:
            url: the URL that was polled. The query of the URL is ignored, because the query can
                differ in each poll.
            ended: whether the operation has ended.

        Raises:
            TargetError: the operation has not ended, and `check` raises an error.
        """
        address = url.partition("?")[0]
        with self._lock:
            if ended:
                self._polled.pop(address, None)
                return
            operation = self._polled.setdefault(address, self.start(address))
        try:
            operation.check()
        except TargetError:
            self.polled(url, ended=True)
            raise

    def left(self, operation: Operation) -> float:
        """Returns the seconds until an operation reaches its time limit."""
        return max(0.0, self._limit - (self._clock() - operation.started))

    def is_polled(self, url: str) -> bool:
        """Returns whether the URL belongs to an operation that had not ended at its last poll."""
        return url.partition("?")[0] in self._polled

    def wait(self, seconds: float) -> None:
        """Waits before the next poll, for at most the time limit. `stop` ends the wait early."""
        self._stopped.wait(min(seconds, self._limit))

    def check(self, operation: Operation) -> None:
        """Checks that an operation can continue: its time is not over, and `stop` was not called.

        Raises:
            TargetError: the operation has taken longer than the limit, or `stop` was called.
        """
        again = "Check its state in Azure ML studio, then run the command again."
        if self._stopped.is_set():
            raise TargetError(
                f"{operation.path} was unfinished when the run was interrupted. {again}"
            )
        if not self.left(operation):
            raise TargetError(
                f"{operation.path} is unfinished after {self._limit:.0f} seconds. {again}"
            )


class Operation(Struct, frozen=True):
    """One operation that has not ended.

    Attributes:
        operations: the object that limits the duration of the operation.
        path: the path of the URL, for messages.
        started: the time of the start, from the clock of `operations`.
    """

    operations: Operations
    path: str
    started: float

    def check(self) -> None:
        """Checks that this operation can continue.

        Raises:
            TargetError: see `Operations.check`.
        """
        self.operations.check(self)
