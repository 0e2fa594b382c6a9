"""Reads the state: one list of containers, and one list of versions for each that counts.

Nothing else is asked for, however many environments others keep beside. Two cases cost one request
more each: a container that lists do not show yet, and what this process has just written where a
list still shows the old.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from envsync.state import Container, ObservedState
from envsync.targets.azure.memory import Memory
from envsync.targets.azure.owners import owners
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.wire import Resource, creation_order, registered

_SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """One way of reading: from where, how many requests at once, and what was just written."""

    resources: Resources
    parallel: int
    memory: Memory

    def state(self, names: Collection[str] | None, owner: str | None) -> ObservedState:
        """The containers of these names and those in which `owner` owns a version; None is all."""
        if names is not None and not names and owner is None:
            return ObservedState({})
        listed = {item.name: item for item in self.resources.containers()}
        # What others wrote while the list was read is newer than the memory of a container.
        wanted = set(listed) if names is None else set(names)
        if owner is not None and names is not None:
            wanted |= {name for name, item in listed.items() if owner in owners(item.tags)}
            wanted |= set(self.memory.names())
        found = {
            name: read
            for name, read in self._side_by_side(sorted(wanted), listed)
            if read is not None and (names is None or name in names or _owns(read[0], owner))
        }
        return ObservedState(
            {name: container for name, (container, _) in found.items()},
            _notes(found, owner),
        )

    def _side_by_side(
        self, names: Collection[str], listed: Mapping[str, Resource]
    ) -> Iterator[tuple[str, tuple[Container, Resource] | None]]:
        pool = ThreadPoolExecutor(max_workers=max(1, self.parallel))
        try:
            results = pool.map(lambda name: self._container(name, listed.get(name)), names)
            yield from zip(names, results, strict=True)
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure, nothing more is asked for

    def _container(self, name: str, listed: Resource | None) -> tuple[Container, Resource] | None:
        """A container, whole; None where there is none."""
        versions = self._versions(name)
        written = self.memory.container(name)
        outdated = written is not None and (listed is None or _differ(written, listed))
        if outdated or (listed is None and versions):
            listed = self.resources.container(name)
        if listed is None:
            if not versions:
                return None
            listed = Resource(name, {})
        next_version = listed.properties.get("nextVersion")
        container = Container(
            name,
            tuple(registered(name, item) for item in sorted(versions, key=creation_order)),
            listed.archived,
            str(next_version) if next_version else "1",
            # Whether a version shows its container's state as its own is not documented.
            may_echo=listed.archived and all(item.archived for item in versions),
        )
        return container, listed

    def _versions(self, name: str) -> list[Resource]:
        """All versions, as they are: lists lag behind, single resources do not."""
        found = {item.name: item for item in self.resources.versions(name)}
        for version, written in self.memory.versions(name).items():
            if version not in found or _differ(written, found[version]):
                fresh = self.resources.version(name, version)
                if fresh is not None:
                    found[version] = fresh
        return list(found.values())


def _differ(one: Resource, other: Resource) -> bool:
    """Whether two answers about one resource differ in what may change."""
    return (one.description, one.tags, one.archived) != (
        *(other.description, other.tags),
        other.archived,
    )


def _owns(container: Container, owner: str | None) -> bool:
    return any(item.owner == owner for item in container.versions)


def _notes(found: Mapping[str, tuple[Container, Resource]], owner: str | None) -> Iterator[str]:
    """Says which environments would be lost sight of once no file declares them."""
    if owner is None:
        return
    unmarked = sorted(
        name
        for name, (container, item) in found.items()
        if _owns(container, owner) and owner not in owners(item.tags)
    )
    if unmarked:
        shown = ", ".join(unmarked[:_SHOWN_NAMES])
        more = len(unmarked) - _SHOWN_NAMES
        yield (
            f"{shown}{f' and {more} more' if more > 0 else ''}: the service holds no owner for "
            "the environment as a whole (tag envsync.owner), only for its versions. Once no file "
            "declares it, it is not found, and so not archived."
        )
