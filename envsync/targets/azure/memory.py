"""What this process has just written: lists of the service show it up to half a minute later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from envsync.targets.azure.wire import Resource

LAG: Final = 60.0
"""Seconds for which lists are not believed about what was written; Microsoft's tests wait 30."""


class Memory:
    """Versions and containers as they were read back after the last write, for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str | None], tuple[float, Resource]] = {}

    def note(self, name: str, version: str | None, seen: Resource) -> None:
        """Takes down what was read back; with `version=None` of the container."""
        with self._lock:
            self._seen[name, version] = (self._clock(), seen)

    def container(self, name: str) -> Resource | None:
        """The container, if it was written a short while ago."""
        return self._recent().get((name, None))

    def names(self) -> Collection[str]:
        """Names of which something was written a short while ago."""
        return {name for name, _ in self._recent()}

    def versions(self, name: str) -> dict[str, Resource]:
        """The versions of a name that were written a short while ago."""
        return {
            version: seen
            for (known, version), seen in self._recent().items()
            if known == name and version is not None
        }

    def _recent(self) -> dict[tuple[str, str | None], Resource]:
        with self._lock:
            since = self._clock() - LAG
            return {key: seen for key, (at, seen) in self._seen.items() if at >= since}
