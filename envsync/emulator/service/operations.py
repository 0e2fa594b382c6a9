"""`Operations`: work that takes its time, as clients ask for it until it is done.

Everything is done at once here; an operation only counts how often it still has to be asked for.
"""

from __future__ import annotations

import itertools
import threading

from envsync.emulator.service.errors import user_error
from envsync.emulator.settings import Settings

TIMEOUT = {"x-ms-async-operation-timeout": "PT1H"}
"""How long a client may go on asking (recorded)."""


class Operations:
    """The operations that were begun, by their ids."""

    def __init__(self, settings: Settings) -> None:
        """None has begun; `Settings.operation_polls` says how often each is to be asked for."""
        self._settings = settings
        self._left: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, *about: str) -> str:
        """The id of a new operation; the words that it is about are part of it (recorded)."""
        with self._lock:
            operation = "_".join((*about, str(next(self._numbers))))
            self._left[operation] = self._settings.operation_polls
        return operation

    def is_done(self, operation: str) -> bool:
        """Whether an operation is done; asking brings its end nearer.

        Raises:
            ServiceError: there is no such operation (404).
        """
        with self._lock:
            left = self._left.get(operation)
            if left is None:
                raise user_error(f"There is no operation {operation}.", status=404)
            self._left[operation] = max(left - 1, 0)
        return left == 0

    def waiting(self) -> dict[str, str]:
        """How long a client is to wait. HTTP knows whole seconds; Azure's clients, milliseconds."""
        seconds = self._settings.retry_after
        if seconds == int(seconds):
            return {"Retry-After": f"{seconds:.0f}"}
        return {"retry-after-ms": f"{seconds * 1000:.0f}"}
