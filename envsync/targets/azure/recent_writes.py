"""`RecentWrites`: remembers this process's writes, because later reads may be stale."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from envsync.targets.azure.wire import Resource

# Microsoft's tests of azure-ai-ml wait 30 seconds for a list. This limit is twice as long.
LAG: Final = 60.0
"""The maximum seconds until a list shows a write."""


@dataclass(frozen=True, slots=True)
class _Seen:
    at: float
    resource: Resource
    expected: bool = True


class RecentWrites:
    """The service's responses to this process's recent writes of versions and containers.

    Attributes:
        stale: the number of seconds for which a GET of a version can return the old state after a
            write.
    """

    def __init__(self, stale: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Creates an object that contains no writes yet.

        Args:
            stale: the value of the attribute `stale`.
            clock: a function that returns the seconds since any fixed time.
        """
        self.stale = stale
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str | None], _Seen] = {}
        self._marked: set[tuple[str, str]] = set()

    def mark(self, name: str, owner: str) -> None:
        """Records that a container has an owner's tag, or that the tag was sent to the service."""
        with self._lock:
            self._marked.add((name, owner))

    def is_marked(self, name: str, owner: str) -> bool:
        """Returns whether `mark` was called with these values."""
        with self._lock:
            return (name, owner) in self._marked

    def note(self, name: str, version: str | None, resource: Resource) -> None:
        """Records a write of a version, or of the container if `version` is None.

        A write of a container can change the state that its versions show. A GET of these versions
        is therefore no longer compared with earlier writes of the versions.
        """
        with self._lock:
            self._seen[name, version] = _Seen(self._clock(), resource)
            if version is None:
                for key, seen in self._seen.items():
                    if key[0] == name and key[1] is not None:
                        # The writes of the versions are kept, because lists possibly do not show
                        # them yet.
                        self._seen[key] = replace(seen, expected=False)

    def forget(self, name: str) -> None:
        """Forgets the write of a container. The next read then uses the state in the lists."""
        with self._lock:
            self._seen.pop((name, None), None)

    def container(self, name: str) -> Resource | None:
        """Returns the container if it was written recently, and None otherwise."""
        return self._recent().get((name, None))

    def containers(self) -> dict[str, Resource]:
        """Returns all containers that were written recently."""
        return {
            name: resource
            for (name, version), resource in self._recent().items()
            if version is None
        }

    def names(self) -> Collection[str]:
        """Returns the names of all recent writes."""
        return {name for name, _ in self._recent()}

    def versions(self, name: str) -> dict[str, Resource]:
        """Returns the versions of a name that were written recently."""
        return {
            version: resource
            for (known, version), resource in self._recent().items()
            if known == name and version is not None
        }

    def expected(self, name: str, version: str) -> Resource | None:
        """Returns the version after its last write, if a GET must be compared with it.

        Returns None if there was no write, if the write is more than `stale` seconds old, or if the
        container was written later.
        """
        with self._lock:
            seen = self._seen.get((name, version))
            if seen is None or not seen.expected or seen.at < self._clock() - self.stale:
                return None
            return seen.resource

    def _recent(self) -> dict[tuple[str, str | None], Resource]:
        with self._lock:
            since = self._clock() - LAG
            return {key: seen.resource for key, seen in self._seen.items() if seen.at >= since}
