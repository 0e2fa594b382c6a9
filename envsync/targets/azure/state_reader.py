"""Reads the state: two lists of containers, and one list of versions for each that counts.

Nothing else is asked for, however many environments others keep beside. Two cases cost one request
more each: a container that lists do not show yet, and what this process has just written where a
list still shows the old.

What a project owns is found by its mark in the containers' tags. The service may drop or refuse
those tags; then the versions of every container are read that may be the project's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from envsync.model.naming import is_reserved
from envsync.model.state import Container, State
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.listing import Listing
from envsync.targets.azure.owners import owners
from envsync.targets.azure.recent_writes import RecentWrites
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.wire import Resource, creation_order, differ, registered

_ANONYMOUS: Final = "CliV2AnonymousEnvironment"
"""The container of the environments that jobs bring with them: thousands, and nobody's."""


@dataclass(frozen=True, slots=True)
class StateReader:
    """One way of reading.

    Attributes:
        resources: what is asked.
        parallel: how many requests are under way at once.
        recent: what this process has just written.
        fresh: asks for a version until it is not older than that.
    """

    resources: Resources
    parallel: int
    recent: RecentWrites
    fresh: FreshReads

    def state(self, names: Collection[str] | None, owner: str | None) -> State:
        """The containers of these names and those in which `owner` owns a version; None is all."""
        if names is not None and not names and owner is None:
            return {}
        listing = self.fresh.listing()
        if names is None:
            return dict(self._containers(listing.entries.keys() | self.recent.names(), listing))
        wanted = {*names, *self._marked(listing, owner)}
        found = dict(self._containers(wanted, listing))
        if owner is not None and self._may_lack_marks(found, listing, owner):
            found |= self._containers(_unreserved(listing.entries.keys() - wanted), listing)
        return {
            name: container
            for name, container in found.items()
            if name in names or _owns(container, owner)
        }

    def _marked(self, listing: Listing, owner: str | None) -> Iterator[str]:
        """Names whose containers carry a project's mark, or of which something was written."""
        if owner is not None:
            yield from (name for name, tags in self._tags(listing) if owner in owners(tags))
            yield from self.recent.names()

    def _may_lack_marks(self, found: Mapping[str, Container], listing: Listing, owner: str) -> bool:
        """Whether the project may own containers without its mark.

        One that lacks it shows that. Where nobody's mark is on any container, it is not known
        whether the service keeps tags of containers at all.
        """
        tags = dict(self._tags(listing))
        marked = any(owners(item) for item in tags.values())
        return not marked or any(
            _owns(container, owner) and owner not in owners(tags.get(name, {}))
            for name, container in found.items()
        )

    def _tags(self, listing: Listing) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The tags of each container, as listed or as this process has just written them."""
        for name, item in {**listing.entries, **self.recent.containers()}.items():
            yield name, item.tags

    def _containers(
        self, names: Iterable[str], listing: Listing
    ) -> Iterator[tuple[str, Container]]:
        """The containers of these names that are there, read side by side."""
        ordered = sorted(names)
        pool = ThreadPoolExecutor(max_workers=max(1, self.parallel))
        try:
            results = pool.map(lambda name: self._container(name, listing), ordered)
            for name, container in zip(ordered, results, strict=True):
                if container is not None:
                    yield name, container
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure, nothing more is asked for

    def _container(self, name: str, listing: Listing) -> Container | None:
        """A container, whole; None where there is none."""
        versions = self._versions(name)
        entry, written = listing.entries.get(name), self.recent.container(name)
        outdated = written is not None and (entry is None or differ(written, entry))
        if outdated or (entry is None and versions):
            entry = self.resources.container(name)
        if entry is None and not versions:
            return None
        archived = listing.archived(name) if written is None else written.archived
        following = None if entry is None else entry.properties.get("nextVersion")
        return Container(
            name,
            tuple(registered(name, item) for item in sorted(versions, key=creation_order)),
            archived,
            str(following) if following else "1",
            # Whether a version shows its container's state as its own is not documented.
            may_echo=archived and all(item.archived for item in versions),
        )

    def _versions(self, name: str) -> list[Resource]:
        """All versions, as they are: lists lag behind what this process has written."""
        found = {item.name: item for item in self.resources.versions(name)}
        for version, written in self.recent.versions(name).items():
            if version not in found or differ(written, found[version]):
                fresh = self.fresh.version(name, version)
                if fresh is not None:
                    found[version] = fresh
        return list(found.values())


def _unreserved(names: Iterable[str]) -> Iterator[str]:
    """Names that are not the service's own."""
    return (name for name in names if not is_reserved(name) and name != _ANONYMOUS)


def _owns(container: Container, owner: str | None) -> bool:
    return owner is not None and any(item.owner == owner for item in container.versions)
