"""`FreshReads`: reads resources so that the results include this process's own writes.

The service is eventually consistent. Lists are stale for up to half a minute after a write. A GET
of a version can be stale right after a PUT of the version, as one recording of 2022-03 shows. The
response to a PUT is never stale, so this process remembers its own writes (`RecentWrites`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from envsync.model.errors import TargetError
from envsync.targets.azure.listing import Listing, begin_listing, read_listing
from envsync.targets.azure.recent_writes import LAG, RecentWrites
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.wire import Resource, differ

_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0

_BELIEVED: Final = 10.0
"""A write relies on the lists of containers only if they are at most this number of seconds old."""


class FreshReads:
    """Repeats each read until the result includes this process's own writes.

    A read of a version is repeated for at most `RecentWrites.stale` seconds, and a read of the
    lists for at most `LAG` seconds. After `stop`, no read is repeated.
    """

    def __init__(
        self,
        resources: Resources,
        recent: RecentWrites,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        """Prepares the reads. Does not connect.

        Args:
            resources: the resources to read.
            recent: this process's recent writes.
            clock: a function that returns the time in seconds, such as `time.monotonic`.
            sleep: a function that waits for a number of seconds. If None, `stop` ends the waits.
        """
        self._resources = resources
        self._recent_writes = recent
        self._clock = clock
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._lock = threading.Lock()
        self._listing: Listing | None = None
        self._for_writes: tuple[float, Listing] | None = None

    def stop(self) -> None:
        """Ends the waits. A read that was waiting is sent once more."""
        self._stopped.set()

    def listing(self) -> Listing:
        """Reads the list of containers.

        The first write after this call reads the list again, because a plan can be applied long
        after it was made.
        """
        return self.begin_listing()()

    def begin_listing(self) -> Callable[[], Listing]:
        """Reads the first page of the lists, and returns a function that reads the rest.

        Both calls together do the same as `listing`.

        The first request signs in, and fails if the target does not exist. After the first request,
        other threads can send requests while the rest of the lists is read.
        """
        rest = begin_listing(self._resources)

        def listing() -> Listing:
            found = rest()
            with self._lock:
                self._listing, self._for_writes = found, None
            return found

        return listing

    def version(self, name: str, version: str, *, must_exist: bool = False) -> Resource | None:
        """Returns one version, or None. The result includes this process's last write.

        The GET is repeated until it shows this process's last write, for at most
        `RecentWrites.stale` seconds. If another client has overwritten this process's write, no GET
        shows the write, and the GET is repeated until the time limit.

        Args:
            name: the name of the environment.
            version: the version.
            must_exist: if True, the GET is also repeated while the version is missing, because the
                version was possibly just created.
        """
        wait, deadline = _FIRST_WAIT, self._clock() + self._recent_writes.stale
        while True:
            last = self._stopped.is_set()
            held = self._resources.version(name, version)
            # `expected` becomes None after `stale` seconds. Without this limit, the loop would
            # never end if another client has overwritten this process's write.
            expected = self._recent_writes.expected(name, version)
            missing = held is None and must_exist and self._clock() < deadline
            outdated = expected is not None and (held is None or differ(expected, held))
            if last or not (missing or outdated):
                return held
            self._sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def written(self, name: str, version: str, expected: Resource, *, wait: bool) -> bool:
        """Returns whether a version has the state that a failed request should have written.

        Args:
            name: the name of the environment.
            version: the version.
            expected: the state after the write.
            wait: if True, the GET is repeated until it shows this state, for at most
                `RecentWrites.stale` seconds. If False, only one GET is sent.

        Raises:
            TargetError: the version cannot be read.
        """

        def shown() -> bool:
            held = self._resources.version(name, version)
            return held is not None and not differ(expected, held)

        return self._repeated(shown, wait=wait)

    def shows_archived(self, name: str, archived: bool, *, wait: bool) -> bool:
        """Returns whether the lists show the state that a failed request should have written.

        Args:
            name: the name of the container.
            archived: the archived state after the write.
            wait: see `written`.

        Raises:
            TargetError: the lists cannot be read.
        """
        return self._repeated(lambda: self.listing().archived(name) == archived, wait=wait)

    def _repeated(self, shown: Callable[[], bool], *, wait: bool) -> bool:
        pause, deadline = _FIRST_WAIT, self._clock() + self._recent_writes.stale
        while True:
            last = not wait or self._stopped.is_set() or self._clock() >= deadline
            try:
                if (found := shown()) or last:
                    return found
            except TargetError:
                # A read can fail for the same reason as the write.
                if last:
                    raise
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_WAIT)

    def versions(self, name: str) -> list[Resource]:
        """Returns all versions of a container. Adds this process's writes to a stale list."""
        found = {item.name: item for item in self._resources.versions(name)}
        for version, written in self._recent_writes.versions(name).items():
            if version not in found or differ(written, found[version]):
                fresh = self.version(name, version)
                if fresh is not None:
                    found[version] = fresh
        return list(found.values())

    def archived(self, name: str) -> bool:
        """Returns whether a container is archived.

        If this process has recently written the container, the archived state of that write is
        returned. Otherwise, the archived state in the lists is returned.

        The lists that the plan was made from are not used, because another client may have archived
        the container before the user confirmed the plan. Lists older than `_BELIEVED` seconds are
        read again.
        """
        # The response to a PUT shows the right archived state, but a GET does not (see
        # `listing.py`).
        if (written := self._recent_writes.container(name)) is not None:
            return written.archived
        with self._lock:
            known = self._for_writes
            if known is None or self._clock() - known[0] > _BELIEVED:
                self._listing = read_listing(self._resources)
                known = self._for_writes = (self._clock(), self._listing)
            return known[1].archived(name)

    def listed_tags(self, name: str) -> Mapping[str, str]:
        """Returns the tags of a container, from the lists that the method `archived` has read.

        Sends no request. Returns no tags if these lists are older than `_BELIEVED` seconds.
        """
        with self._lock:
            known = self._for_writes
        if known is None or self._clock() - known[0] > _BELIEVED:
            return {}
        entry = known[1].entries.get(name)
        return {} if entry is None else entry.tags

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Waits for late writes of other clients, then until the lists show this process's writes.

        `RecentWrites.other_writes` describes the first wait. The second wait takes at most `LAG`
        seconds. After `LAG` seconds, envsync forgets each write that the lists do not show yet, so
        that the next read returns the states in the lists.

        Args:
            waiting: a function that is called before each new read of the lists. The function gets
                the names of the containers whose new state the lists do not show yet.

        Raises:
            TargetError: the lists cannot be read.
        """
        if (rest := self._recent_writes.other_writes()) > 0:
            self._sleep(rest)
        # If the last listing already shows every write, the lists are not read again.
        deadline, wait = self._clock() + LAG, 0.0
        with self._lock:
            listing = self._listing
        while unsettled := self._unsettled(listing):
            if self._stopped.is_set() or self._clock() + wait > deadline:
                for name in unsettled:
                    self._recent_writes.forget(name)
                return
            if wait:
                waiting(unsettled)
                self._sleep(wait)
            listing = self.listing()
            wait = min(max(wait * 2, 1.0), _LONGEST_WAIT)

    def _unsettled(self, listing: Listing | None) -> Collection[str]:
        return sorted(
            name
            for name, written in self._recent_writes.containers().items()
            if listing is None or written.archived != listing.archived(name)
        )
