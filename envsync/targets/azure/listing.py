"""`Listing`: the existing containers and their archived state, according to two lists.

A GET of an archived container returns `isArchived: false`, as recordings of 2022, 2025 and 2026
show. No recorded list contains an archived container, so the fields of its entry in a list are not
known. So a container is archived if the list of all containers contains it, but the list of active
containers does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice

from msgspec import Struct

from envsync.targets.azure.resources import Resources
from envsync.targets.azure.wire import Resource


class Listing(Struct, frozen=True):
    """The containers of a workspace or registry.

    Attributes:
        entries: every container by name, with the content of its list entry.
        active: the names of the containers that are not archived.
    """

    entries: Mapping[str, Resource]
    active: frozenset[str]

    def archived(self, name: str) -> bool:
        """Returns whether a container is archived. Returns False if no list shows the container."""
        return name in self.entries and name not in self.active


def read_listing(resources: Resources) -> Listing:
    """Reads the list of all containers, and then the list of active containers.

    Raises:
        TargetError: the lists cannot be read.
    """
    return begin_listing(resources)()


def begin_listing(resources: Resources) -> Callable[[], Listing]:
    """Reads the first page of the lists, and returns a function that reads the other pages.

    Both functions raise `TargetError` if the lists cannot be read.
    """
    # The list of all containers must be read first. If the list of active containers were read
    # first, a container that is created between the two reads would look archived.
    pages = resources.containers("All")
    first = list(islice(pages, 1))
    return lambda: _read(resources, chain(first, pages))


def _read(resources: Resources, found: Iterable[Resource]) -> Listing:
    everything = {item.name: item for item in found}
    active = {item.name: item for item in resources.containers("ActiveOnly")}
    return Listing({**everything, **active}, frozenset(active))
