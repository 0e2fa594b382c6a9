"""`StateReader`: reads the state from two lists of containers and the versions that matter.

The versions of each environment that matters need one more list. The other environments of the
workspace or registry need no request. Two cases need one more request each: a container that the
lists do not show yet, and a recent write that a list does not show.

The containers' tags name the projects that own something in them. The service may drop or refuse
those tags. In that case, the versions of every container that may belong to the project are read.
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
"""The container of environments that jobs define inline. It has thousands of versions,
and no owner."""


@dataclass(frozen=True, slots=True)
class StateReader:
    """Reads the state of one workspace or registry.

    Attributes:
        resources: the resources to read.
        parallel: the maximum number of requests under way at once.
        recent: this process's recent writes.
        fresh: reads that are not older than those writes.
    """

    resources: Resources
    parallel: int
    recent: RecentWrites
    fresh: FreshReads

    def state(self, names: Collection[str] | None, owner: str | None) -> State:
        """Returns the containers of `names` and those in which `owner` owns a version.

        With `names=None`, all containers are returned.
        """
        if names is not None and not names and owner is None:
            return {}
        listing = self.fresh.listing()
        if names is None:
            return dict(self._containers(listing.entries.keys() | self.recent.names(), listing))
        wanted = {*names, *self._marked(listing, owner)}
        found = dict(self._containers(wanted, listing))
        # The expensive case: one list of versions for every container of the workspace or registry.
        if owner is not None and self._may_lack_marks(found, listing, owner):
            found |= self._containers(_unreserved(listing.entries.keys() - wanted), listing)
        return {
            name: container
            for name, container in found.items()
            if name in names or _owns(container, owner)
        }

    def _marked(self, listing: Listing, owner: str | None) -> Iterator[str]:
        """Yields the names of containers whose tags name the owner, and of recent writes."""
        if owner is not None:
            yield from (name for name, tags in self._tags(listing) if owner in owners(tags))
            yield from self.recent.names()

    def _may_lack_marks(self, found: Mapping[str, Container], listing: Listing, owner: str) -> bool:
        """Whether the project may own versions in containers whose tags do not name it.

        A container of this project without its tag proves that. If no container names any owner,
        the service may not keep tags of containers at all.
        """
        tags = dict(self._tags(listing))
        marked = any(owners(item) for item in tags.values())
        return not marked or any(
            _owns(container, owner) and owner not in owners(tags.get(name, {}))
            for name, container in found.items()
        )

    def _tags(self, listing: Listing) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yields the tags of each container, as listed or as this process has just written them."""
        for name, item in {**listing.entries, **self.recent.containers()}.items():
            yield name, item.tags

    def _containers(
        self, names: Iterable[str], listing: Listing
    ) -> Iterator[tuple[str, Container]]:
        """Yields the existing containers of these names, which are read in parallel."""
        ordered = sorted(names)
        pool = ThreadPoolExecutor(max_workers=max(1, self.parallel))
        try:
            results = pool.map(lambda name: self._container(name, listing), ordered)
            for name, container in zip(ordered, results, strict=True):
                if container is not None:
                    yield name, container
        finally:
            # After a failure, no further request is sent.
            pool.shutdown(cancel_futures=True)

    def _container(self, name: str, listing: Listing) -> Container | None:
        """Returns a whole container; None if it does not exist."""
        versions = self._versions(name)
        entry, written = listing.entries.get(name), self.recent.container(name)
        # The GET is right about everything but the archived state, which is taken from elsewhere.
        outdated = written is not None and (entry is None or differ(written, entry))
        if outdated or (entry is None and versions):
            entry = self.resources.container(name)
        if entry is None and not versions:
            return None
        archived = listing.archived(name) if written is None else written.archived
        # `nextVersion` may be a counter, a timestamp, or `1` although version 1 exists (recorded).
        following = None if entry is None else entry.properties.get("nextVersion")
        return Container(
            name,
            versions=tuple(registered(name, item) for item in sorted(versions, key=creation_order)),
            archived=archived,
            # Until the list shows the container, its `nextVersion` is not known.
            next_version=str(following) if following else "1",
            # Whether a version of an archived container shows its own state or the container's is
            # not documented, so a plan must not rely on it.
            may_echo=archived and all(item.archived for item in versions),
        )

    def _versions(self, name: str) -> list[Resource]:
        """Returns all versions. A stale list is corrected with this process's own writes."""
        found = {item.name: item for item in self.resources.versions(name)}
        for version, written in self.recent.versions(name).items():
            if version not in found or differ(written, found[version]):
                fresh = self.fresh.version(name, version)
                if fresh is not None:
                    found[version] = fresh
        return list(found.values())


def _unreserved(names: Iterable[str]) -> Iterator[str]:
    """Yields the names that do not belong to the service."""
    return (name for name in names if not is_reserved(name) and name != _ANONYMOUS)


def _owns(container: Container, owner: str | None) -> bool:
    return owner is not None and any(item.owner == owner for item in container.versions)
