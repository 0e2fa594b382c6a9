"""`Listing`: which containers there are and which of them are archived, as two lists show it.

The GET of an archived container says `isArchived: false` (recorded in 2022, 2025 and 2026), and
what its entry in a list says was never recorded. What is certain is that the list of active
containers leaves it out.
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
        active: the names of those that are not archived.
    """

    entries: Mapping[str, Resource]
    active: frozenset[str]

    def archived(self, name: str) -> bool:
        """Whether a container is archived; one that no list shows is not."""
        return name in self.entries and name not in self.active


def read_listing(resources: Resources) -> Listing:
    """Reads both lists, one after the other.

    Raises:
        TargetError: they cannot be read.
    """
    # The list of all comes first: a container that is created in between is active then.
    everything = {item.name: item for item in resources.containers("All")}
    active = {item.name: item for item in resources.containers("ActiveOnly")}
    return Listing({**everything, **active}, frozenset(active))
