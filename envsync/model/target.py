"""`Target`: what a place that holds environments can be asked and told.

One method is one operation of the service; no method decides anything. Whether, what and in which
order is the planner's and the applier's business. tests/targets/contract.py holds every kind to
what the docstrings here promise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from envsync.model.environment import Environment, EnvironmentKey, Metadata
    from envsync.model.history import HistoryEntry
    from envsync.model.provenance import Provenance
    from envsync.model.state import State


DEFAULT_PARALLEL: Final = 16
"""How many requests are under way at once, at most."""


class Target(Protocol):
    """A workspace, a registry, or the embedded local target.

    Methods may be called from several threads at once. Each raises `TargetError`, with a message
    for people, where the target cannot be reached or refuses.
    """

    @property
    def identity(self) -> TargetIdentity:
        """Its name in `envsync.yaml`, its kind, and an id that is the same on every machine."""
        ...

    def read(self, names: Collection[str] | None, owner: str | None = None) -> State:
        """The containers of these names and those in which `owner` owns a version.

        Each container comes whole: all its versions, archived ones too. Names that the target
        does not hold are absent. `names=None` reads everything. Never writes.
        """
        ...

    def create(self, environment: Environment) -> None:
        """Registers a new version; its build context, if local, is uploaded first.

        Repeating a create that already happened (same spec, same owner) does nothing, so that an
        answer that was lost can be asked for again. Under an archived container the version is
        born archived.

        Raises:
            TargetError: the version exists and is not this one; the build context on disk is no
                longer what the spec says; or the target refuses the content.
        """
        ...

    def update(
        self,
        key: EnvironmentKey,
        metadata: Metadata,
        provenance: Provenance,
        *,
        restore: bool = False,
    ) -> None:
        """Replaces description, tags and provenance of a version; with `restore`, un-archives it.

        One write. The archived state stays as it is without `restore`.

        Raises:
            TargetError: there is no such version, it is curated, or it is to be restored while its
                container is archived.
        """
        ...

    def set_archived(self, name: str, version: str | None, archived: bool) -> None:
        """Archives or restores one version, or with `version=None` the container.

        Where that is its state already, nothing changes. Archiving a container hides all versions;
        restoring it shows those that were not archived on their own.

        Raises:
            TargetError: there is no such thing, it is curated, or one version is to be restored
                while its container is archived.
        """
        ...

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Waits, in bounds, until reads show what was written through this target.

        Args:
            waiting: told which environments are waited for, each time before it asks again.
        """
        ...

    def close(self) -> None:
        """Gives back what it holds: connections, files. The target is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class TargetIdentity:
    """Which target a plan is for: its name in `envsync.yaml`, its kind, and its own id."""

    name: str
    kind: str
    id: str


@runtime_checkable
class KeepsHistory(Protocol):
    """A target that can say what was changed in it."""

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """All changes of one environment and its versions, oldest first.

        Raises:
            TargetError: the target cannot be read.
        """
        ...
