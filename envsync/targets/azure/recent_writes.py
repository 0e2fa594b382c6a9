"""What this process has just written: the service shows it late, in lists and once in a GET."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from envsync.targets.azure.wire import Resource

LAG: Final = 60.0
"""Seconds for which lists are not believed about what was written; Microsoft's tests wait 30."""


@dataclass(frozen=True, slots=True)
class _Seen:
    at: float
    resource: Resource
    expected: bool = True


class RecentWrites:
    """Versions and containers as the service answered the last write, for a while.

    Attributes:
        stale: seconds for which the GET of a version may show the state before a write.
    """

    def __init__(self, stale: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Remembers nothing yet.

        Args:
            stale: see above.
            clock: seconds, from any start.
        """
        self.stale = stale
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str | None], _Seen] = {}

    def note(self, name: str, version: str | None, resource: Resource) -> None:
        """Remembers what was written; with `version=None` of the container.

        A container's write may change what the service shows of its versions' state, so the GET of
        a version is believed from then on.
        """
        with self._lock:
            self._seen[name, version] = _Seen(self._clock(), resource)
            if version is None:
                for key, seen in self._seen.items():
                    if key[0] == name and key[1] is not None:
                        self._seen[key] = replace(seen, expected=False)

    def forget(self, name: str) -> None:
        """Believes lists again about a container."""
        with self._lock:
            self._seen.pop((name, None), None)

    def container(self, name: str) -> Resource | None:
        """The container, if it was written a short while ago."""
        return self._recent().get((name, None))

    def containers(self) -> dict[str, Resource]:
        """All containers that were written a short while ago."""
        return {
            name: resource
            for (name, version), resource in self._recent().items()
            if version is None
        }

    def names(self) -> Collection[str]:
        """Names of which something was written a short while ago."""
        return {name for name, _ in self._recent()}

    def versions(self, name: str) -> dict[str, Resource]:
        """The versions of a name that were written a short while ago."""
        return {
            version: resource
            for (known, version), resource in self._recent().items()
            if known == name and version is not None
        }

    def expected(self, name: str, version: str) -> Resource | None:
        """What a GET of a version has to show, if it may still show the state before that."""
        with self._lock:
            seen = self._seen.get((name, version))
            if seen is None or not seen.expected or seen.at < self._clock() - self.stale:
                return None
            return seen.resource

    def _recent(self) -> dict[tuple[str, str | None], Resource]:
        with self._lock:
            since = self._clock() - LAG
            return {key: seen.resource for key, seen in self._seen.items() if seen.at >= since}
