"""`FreshReads`: reads that are not older than this process's own writes.

The service is eventually consistent: lists are stale for up to half a minute after a write, and one
recording (2022-03) shows a stale GET of a version right after its PUT. The response to a PUT is
never stale, so this process remembers its own writes (`RecentWrites`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from envsync.targets.azure.listing import Listing, read_listing
from envsync.targets.azure.recent_writes import LAG, RecentWrites
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.wire import Resource, differ

_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0

_BELIEVED: Final = 10.0
"""Seconds for which the last two lists are trusted to say whether a container is archived."""


class FreshReads:
    """Repeats a read until the service shows this process's writes, within time limits."""

    def __init__(
        self,
        resources: Resources,
        recent: RecentWrites,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Does not connect.

        Args:
            resources: the resources to read.
            recent: this process's recent writes.
            clock: returns seconds since any fixed time.
            sleep: waits for a number of seconds.
        """
        self._resources = resources
        self._recent_writes = recent
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._listing: tuple[float, Listing] | None = None

    def listing(self) -> Listing:
        """Reads the list of containers."""
        found = read_listing(self._resources)
        with self._lock:
            self._listing = (self._clock(), found)
        return found

    def version(self, name: str, version: str, *, must_exist: bool = False) -> Resource | None:
        """Returns one version, not older than this process's last write; None if it does not exist.

        The GET is repeated until it shows this process's last write, at most for the time that a
        GET may be stale. It takes all of that time if another client has changed the version since.

        Args:
            name: the name of the environment.
            version: the version.
            must_exist: whether to wait as long for a missing version, because another client may
                have just created it.
        """
        wait, deadline = _FIRST_WAIT, self._clock() + self._recent_writes.stale
        while True:
            held = self._resources.version(name, version)
            # Becomes None after `stale` seconds. This ends the wait if another client has changed
            # the version, which a GET then shows for good.
            expected = self._recent_writes.expected(name, version)
            missing = held is None and must_exist and self._clock() < deadline
            outdated = expected is not None and (held is None or differ(expected, held))
            if not (missing or outdated):
                return held
            self._sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def archived(self, name: str) -> bool:
        """Returns whether a container is archived, by this process's last write, else by the lists.

        Lists older than some seconds are read again: since the plan, which may have waited for a
        person's confirmation, another client may have archived the container, and a write must not
        send back an outdated state.
        """
        # The response to a PUT is right; a GET of an archived container is not (see `listing.py`).
        if (written := self._recent_writes.container(name)) is not None:
            return written.archived
        with self._lock:
            known = self._listing
            if known is None or self._clock() - known[0] > _BELIEVED:
                known = self._listing = (self._clock(), read_listing(self._resources))
            return known[1].archived(name)

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Waits until the lists show the state of every container that was written, at most `LAG`.

        States that the lists do not show by then are forgotten, so that the next read returns what
        the lists show.

        Args:
            waiting: called with the names that are waited for, before each new read of the lists.

        Raises:
            TargetError: the lists cannot be read.
        """
        # The first round reads no list if the last listing shows every write already.
        deadline, wait = self._clock() + LAG, 0.0
        with self._lock:
            listing = None if self._listing is None else self._listing[1]
        while unsettled := self._unsettled(listing):
            if self._clock() + wait > deadline:
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
