"""`RecentWrites`: remembers this process's writes, because later reads can be stale."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.canonical import JSON
from envsync.targets.azure.wire import Resource

# Microsoft's tests of azure-ai-ml wait 30 seconds for a list. `LAG` is twice as long.
LAG: Final = 60.0
"""The maximum seconds until a list shows a write."""

# A change with an upload can take minutes, but only the time after its last check matters.
_LONGEST_RACE: Final = 2.0
"""The maximum seconds for which `other_writes` waits."""


class _Seen(Struct, frozen=True):
    at: float
    resource: Resource
    expected: bool = True


class RecentWrites:
    """The service's responses to this process's recent writes of versions and containers.

    Attributes:
        stale: after a write, a GET of a version can return the old state for this number of
            seconds.
    """

    def __init__(self, stale: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Creates an object that contains no writes yet.

        Args:
            stale: the value of the attribute `stale`.
            clock: a function that returns the time in seconds, such as `time.monotonic`.
        """
        self.stale = stale
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str | None], _Seen] = {}
        self._marked: set[tuple[str, str]] = set()
        self._longest = self._ended = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measures the duration of one change, from its checks until its result is read back."""
        started = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._ended = self._clock()
                self._longest = max(self._longest, self._ended - started)

    def other_writes(self) -> float:
        """Returns the seconds until a late write of another client has probably arrived.

        A write is late if the other client checked the version before this process wrote it. The
        service has no preconditions, so it accepts such a write. The write arrives within the time
        that the other client needs for one change. The estimate for this time is the duration of
        this process's longest change.
        """
        with self._lock:
            return self._ended + min(self._longest, _LONGEST_RACE) - self._clock()

    def mark(self, name: str, owner: str) -> None:
        """Records that a container has an owner's tag, or that the tag was sent to the service."""
        with self._lock:
            self._marked.add((name, owner))

    def is_marked(self, name: str, owner: str) -> bool:
        """Returns whether `mark` was called with this container and owner."""
        with self._lock:
            return (name, owner) in self._marked

    def marks(self, name: str) -> frozenset[str]:
        """Returns the owners with which `mark` was called for a container."""
        with self._lock:
            return frozenset(owner for marked, owner in self._marked if marked == name)

    def note(self, name: str, version: str | None, resource: Resource) -> None:
        """Records a write of a version, or of the container if `version` is None.

        A write of a container can change the archived state in the responses for its versions.
        After a write of a container, GETs of its versions are therefore no longer compared with
        earlier writes.
        """
        with self._lock:
            self._seen[name, version] = _Seen(self._clock(), resource)
            if version is None:
                for key, seen in self._seen.items():
                    if key[0] == name and key[1] is not None:
                        # Keep the writes of versions, because the lists possibly do not show these
                        # writes yet.
                        self._seen[key] = replace(seen, expected=False)

    def forget(self, name: str) -> None:
        """Forgets the write of a container. The next read uses the archived state in the lists."""
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
        """Returns the names of all environments that were written recently."""
        return {name for name, _ in self._recent()}

    def versions(self, name: str) -> dict[str, Resource]:
        """Returns the recently written versions of one container, by version."""
        return {
            version: resource
            for (known, version), resource in self._recent().items()
            if known == name and version is not None
        }

    def expected(self, name: str, version: str) -> Resource | None:
        """Returns the state that a GET of a version must return, or None if the state is not known.

        The state is known if this process wrote the version within the last `stale` seconds and did
        not write the container afterwards.
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


def after_write(
    item: Resource, description: str | None, tags: Mapping[str, str], archived: bool
) -> Resource:
    """Returns the resource that should result from a write. Some responses do not contain it."""
    said: dict[str, JSON] = {
        "description": description,
        "tags": dict(tags),
        "isArchived": archived,
        # Remove the stage, because the stage `Archived` in a response would override `isArchived`.
        "stage": None,
    }
    return Resource(item.name, {**item.properties, **said}, item.created)
