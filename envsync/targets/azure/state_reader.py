"""`StateReader`: reads the state of a workspace or registry with few requests.

Two lists show all containers. For each container that is declared or belongs to the project, one
more request lists the versions. The other containers need no request. If a list does not show a
container or a recent write yet, one more request reads the missing resource.

The owner tags of a container contain the projects that own its versions. If the service drops or
refuses these tags, envsync lists the versions of every container that can belong to the project.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Final

from msgspec import Struct

from envsync.model.naming import is_reserved
from envsync.model.state import Container, RegisteredVersion, State
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.listing import Listing
from envsync.targets.azure.owners import owners
from envsync.targets.azure.recent_writes import RecentWrites
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.wire import creation_order, differ, registered
from envsync.targets.connection import Advance

_ANONYMOUS: Final = "CliV2AnonymousEnvironment"
"""The container of environments that jobs define inline.

This container can have thousands of versions, and has no owner.
"""


_Versions = tuple[RegisteredVersion, ...]
_Early = Mapping[str, Future[_Versions]]
_Read = Callable[[Iterable[str]], Iterator[tuple[str, Container]]]


class StateReader(Struct, frozen=True):
    """Reads the state of one workspace or registry.

    Attributes:
        resources: the resources to read.
        parallel: the maximum number of concurrent requests.
        recent: this process's recent writes.
        fresh: the object that reads resources. The results include the recent writes.
        advance: a function that is called with the number of containers already read, and the
            number of all containers to read.
    """

    resources: Resources
    parallel: int
    recent: RecentWrites
    fresh: FreshReads
    advance: Advance = lambda _done, _total: None

    def state(self, names: Collection[str] | None, owner: str | None) -> State:
        """Returns the containers in `names`, and the containers in which `owner` owns a version.

        If `names` is None, all containers are returned.
        """
        if names is not None and not names and owner is None:
            return {}
        rest = self.fresh.begin_listing()
        pool = ThreadPoolExecutor(max_workers=max(1, self.parallel))
        try:
            # One thread reads all pages of the lists, because each page contains the link to the
            # next page. Other threads read versions at the same time. `rest` is submitted first, so
            # that it does not wait for a free thread.
            listed = pool.submit(rest)
            early = {name: pool.submit(self._versions, name) for name in sorted(names or ())}
            read = partial(self._containers, pool, early, listed.result())
            return self._state(names, owner, listed.result(), read)
        finally:
            # After a failure, no further request is sent.
            pool.shutdown(cancel_futures=True)

    def _state(
        self, names: Collection[str] | None, owner: str | None, listing: Listing, read: _Read
    ) -> State:
        if names is None:
            return dict(read(listing.entries.keys() | self.recent.names()))
        wanted = {*names, *self._marked(listing, owner)}
        found = dict(read(wanted))
        # The expensive case: the versions of all containers are listed, with at least one request
        # for each container.
        if owner is not None and self._may_lack_marks(found, listing, owner):
            found |= read(_unreserved(listing.entries.keys() - wanted))
        return {
            name: container
            for name, container in found.items()
            if name in names or _owns(container, owner)
        }

    def _marked(self, listing: Listing, owner: str | None) -> Iterator[str]:
        """Yields the names of containers that were written recently or have a tag of the owner."""
        if owner is not None:
            yield from (name for name, tags in self._tags(listing) if owner in owners(tags))
            yield from self.recent.names()

    def _may_lack_marks(self, found: Mapping[str, Container], listing: Listing, owner: str) -> bool:
        """Returns whether the project can own versions in containers without the project's tag.

        The result is True if a container of the project lacks the tag, because other containers can
        lack the tag as well. The result is also True if no container has an owner tag, because the
        service possibly does not store tags of containers.
        """
        tags = dict(self._tags(listing))
        marked = any(owners(item) for item in tags.values())
        return not marked or any(
            _owns(container, owner) and owner not in owners(tags.get(name, {}))
            for name, container in found.items()
        )

    def _tags(self, listing: Listing) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yields the tags of each container, including tags that this process has just written."""
        for name, item in {**listing.entries, **self.recent.containers()}.items():
            yield name, item.tags

    def _containers(
        self, pool: Executor, early: _Early, listing: Listing, names: Iterable[str]
    ) -> Iterator[tuple[str, Container]]:
        """Reads containers by name in parallel, and yields each container that exists."""
        ordered = sorted(names)
        results = pool.map(lambda name: self._container(name, early.get(name), listing), ordered)
        self.advance(0, len(ordered))
        for done, (name, container) in enumerate(zip(ordered, results, strict=True), start=1):
            self.advance(done, len(ordered))
            if container is not None:
                yield name, container

    def _container(
        self, name: str, early: Future[_Versions] | None, listing: Listing
    ) -> Container | None:
        """Returns a container with its versions, or None if it does not exist."""
        versions = self._versions(name) if early is None else early.result()
        entry, written = listing.entries.get(name), self.recent.container(name)
        # A GET of a container returns a wrong archived state, so `archived` is computed separately
        # below.
        outdated = written is not None and (entry is None or differ(written, entry))
        if outdated or (entry is None and versions):
            entry = self.resources.container(name)
        if entry is None and not versions:
            return None
        archived = listing.archived(name) if written is None else written.archived
        tags = {} if entry is None else entry.tags
        # In recorded responses, `nextVersion` is a counter, a timestamp, or `1`. Sometimes
        # `nextVersion` is `1` although version 1 exists.
        following = None if entry is None else entry.properties.get("nextVersion")
        return Container(
            name,
            versions=versions,
            archived=archived,
            # Until the list shows the container, its `nextVersion` is not known.
            next_version=str(following) if following else "1",
            # The documentation does not say whether a version of an archived container shows its
            # own archived state or the state of the container. If all versions are shown as
            # archived, a plan must not rely on their state.
            may_echo=archived and all(item.archived for item in versions),
            marks=self._marks(name, tags, listing),
            modified=None if entry is None else entry.modified,
        )

    def _versions(self, name: str) -> _Versions:
        found = sorted(self.fresh.versions(name), key=creation_order)
        return tuple(registered(name, item) for item in found)

    def _marks(self, name: str, tags: Mapping[str, str], listing: Listing) -> frozenset[str] | None:
        """Returns the owners in the tags of a container.

        Returns None if no container has an owner tag, because the service possibly does not store
        tags of containers.
        """
        if not any(owners(item) for _, item in self._tags(listing)):
            return None
        return owners(tags) | self.recent.marks(name)


def _unreserved(names: Iterable[str]) -> Iterator[str]:
    """Yields the names of containers that can belong to a project."""
    return (name for name in names if not is_reserved(name) and name != _ANONYMOUS)


def _owns(container: Container, owner: str | None) -> bool:
    return owner is not None and any(item.owner == owner for item in container.versions)
