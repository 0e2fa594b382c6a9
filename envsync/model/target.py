"""`Target`: the protocol of a place that holds environments.

One method is one operation of the service, and no method decides anything: the planner decides what
is done, and `plan/apply.py` in which order. To add a kind of target, implement this protocol and
run tests/targets/contract.py against it, which tests what the docstrings here promise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from envsync.model.canonical import JSON
    from envsync.model.environment import Environment, EnvironmentKey, Metadata
    from envsync.model.history import HistoryEntry
    from envsync.model.provenance import Provenance
    from envsync.model.state import State


# Azure throttles a client that sends too many requests at once (status 429).
DEFAULT_PARALLEL: Final = 16
"""The default for the maximum number of concurrent requests."""


class Target(Protocol):
    """A workspace, a registry, or the embedded local target.

    Several threads may call methods concurrently: the applier runs changes in parallel. Every
    method raises `TargetError` if the target cannot be reached or refuses the operation.
    """

    @property
    def identity(self) -> TargetIdentity:
        """The identity of the target, which is part of a plan and its digest."""
        ...

    def read(self, names: Collection[str] | None, owner: str | None = None) -> State:
        """Returns the containers with these names, and those in which `owner` owns a version.

        Never writes.

        Args:
            names: names of environments; None for all. Names that the target does not hold are
                absent from the result.
            owner: a project.

        Returns:
            Complete containers, with all versions, archived ones included.
        """
        ...

    def create(self, environment: Environment) -> None:
        """Registers a new version. Uploads its build context first, if that is local.

        Idempotent: if the version exists with the same spec and owner, nothing is done. So a
        create whose answer was lost can be repeated. In an archived container, the new version is
        archived as well.

        Raises:
            TargetError: the version exists with another spec or owner, the build context on disk
                has changed since it was planned, or the target refuses the content.
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
        """Replaces the description, tags and provenance of a version, in one write.

        Args:
            key: the version.
            metadata: the new description and tags, complete.
            provenance: the new reserved tags, complete.
            restore: whether the version is restored by the same write. Without it, the version
                stays archived or active.

        Raises:
            TargetError: the version does not exist or is curated, or it should be restored while
                its container is archived.
        """
        ...

    def set_archived(self, name: str, version: str | None, archived: bool) -> None:
        """Archives or restores one version, or the whole container.

        Idempotent. An archived container hides all versions. After a restore of the container,
        versions that were archived individually stay hidden.

        Args:
            name: the environment.
            version: one version; None for the container.
            archived: whether it is archived or restored.

        Raises:
            TargetError: the version or container does not exist or is curated, or a version should
                be restored while its container is archived.
        """
        ...

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Waits, for a limited time, until `read` returns what was written through this target.

        Lists in Azure are eventually consistent: a read right after a write can be stale.

        Args:
            waiting: called before each repeated request, with the names of the environments whose
                state is still stale.
        """
        ...

    def close(self) -> None:
        """Closes connections and files. The target cannot be used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class TargetIdentity:
    """The target that a plan is for.

    Attributes:
        name: its name in `envsync.yaml`.
        kind: `local`, `workspace` or `registry`.
        id: an identifier that is the same on every machine, such as a resource id.
    """

    name: str
    kind: str
    id: str

    def to_json(self) -> dict[str, JSON]:
        """The identity as JSON data."""
        return {"name": self.name, "kind": self.kind, "id": self.id}

    @classmethod
    def from_json(cls, data: Any) -> TargetIdentity:
        """Creates the identity from the JSON data of `to_json`.

        Raises:
            TypeError: the data is not the identity of a target.
        """
        return cls(**data)


# Not part of Target, because Azure keeps no history. `runtime_checkable` allows isinstance().
@runtime_checkable
class KeepsHistory(Protocol):
    """A target that keeps a record of its changes."""

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """Returns all changes of one environment and its versions, oldest first.

        Raises:
            TargetError: the target cannot be read.
        """
        ...
