"""`Listing`: which containers exist and which of them are archived, from two lists.

The GET of an archived container says `isArchived: false` (recorded in 2022, 2025 and 2026). The
container's entry in a list was never recorded. The list of active containers is reliable: it omits
the archived ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envsync.targets.azure.resources import Resources
from envsync.targets.azure.wire import Resource


@dataclass(frozen=True, slots=True)
class Listing:
    """The containers of a workspace or registry.

    Attributes:
        entries: every container by name, as a list shows it.
        active: the names of the containers that are not archived.
    """

    entries: Mapping[str, Resource]
    active: frozenset[str]

    def archived(self, name: str) -> bool:
        """Whether a container is archived. A container that no list shows is not."""
        return name in self.entries and name not in self.active


def read_listing(resources: Resources) -> Listing:
    """Reads both lists, one after the other.

    Raises:
        TargetError: the lists cannot be read.
    """
    # The list of all containers is read first. In the other order, a container that is created
    # between the two reads would look archived.
    everything = {item.name: item for item in resources.containers("All")}
    active = {item.name: item for item in resources.containers("ActiveOnly")}
    return Listing({**everything, **active}, frozenset(active))
