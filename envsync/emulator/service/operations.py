"""`Operations`: long-running operations, which clients poll until they are done.

The emulator executes each request immediately. An operation does no work: it is reported as done
after `Settings.operation_polls` polls.
"""

from __future__ import annotations

import itertools
import threading

from envsync.emulator.service.errors import user_error
from envsync.emulator.settings import FaultKind, Settings

TIMEOUT = {"x-ms-async-operation-timeout": "PT1H"}
"""The header that limits how long a client polls an operation. Recorded responses have this value.
"""

FAILURE = "The asset could not be created, because its storage is not available."
"""The message of an operation that fails."""


class Operations:
    """The long-running operations that were started."""

    def __init__(self, settings: Settings) -> None:
        """Creates an object that contains no operations yet."""
        self._settings = settings
        self._left: dict[str, int] = {}
        self._faults: dict[str, FaultKind] = {}
        self._numbers = itertools.count(1)
        # The lock is needed because handlers run in several worker threads at the same time.
        self._lock = threading.Lock()

    def begin(self, *about: str, fault: FaultKind | None = None) -> str:
        """Starts an operation and returns its id.

        Args:
            about: words that become part of the id, as in recorded responses.
            fault: `operation-fails` for an operation that fails, or `operation-hangs` for an
                operation that never ends.
        """
        with self._lock:
            operation = "_".join((*about, str(next(self._numbers))))
            self._left[operation] = self._settings.operation_polls
            if fault is not None:
                self._faults[operation] = fault
        return operation

    def is_done(self, operation: str) -> bool:
        """Counts one poll of an operation, and returns True if the operation is done.

        Raises:
            ServiceError: the operation does not exist (404), or has failed (400).
        """
        with self._lock:
            left = self._left.get(operation)
            if left is None:
                raise user_error(f"There is no operation {operation}.", status=404)
            self._left[operation] = max(left - 1, 0)
            fault = self._faults.get(operation)
        if left == 0 and fault == "operation-fails":
            raise user_error(FAILURE)
        return left == 0 and fault != "operation-hangs"

    def waiting(self) -> dict[str, str]:
        """Returns the header with the time to wait before the next poll."""
        # `Retry-After` has whole seconds only. Azure's clients also read `retry-after-ms`, in
        # milliseconds.
        seconds = self._settings.retry_after
        if seconds == int(seconds):
            return {"Retry-After": f"{seconds:.0f}"}
        return {"retry-after-ms": f"{seconds * 1000:.0f}"}
