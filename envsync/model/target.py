"""`Target`: the protocol that every kind of target implements.

Each method is one operation of the service. Methods make no decisions: the planner chooses the
operations, and `plan/apply.py` chooses their order. To add a kind of target, implement this
protocol, and run tests/targets/contract.py, which tests what these docstrings promise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from msgspec import Struct

if TYPE_CHECKING:
    from envsync.model.before import Before
    from envsync.model.canonical import JSON
    from envsync.model.environment import Environment, EnvironmentKey, Metadata
    from envsync.model.history import HistoryEntry
    from envsync.model.provenance import Provenance
    from envsync.model.state import RegisteredVersion, State


# Azure throttles a client that sends too many requests in a short time (status 429).
DEFAULT_PARALLEL: Final = 16
"""The default for the maximum number of concurrent requests."""


class Target(Protocol):
    """A workspace, a registry, or the embedded local target.

    Several threads can call methods at the same time, because the applier makes changes in
    parallel. Every method raises `TargetError` if the target cannot be reached or refuses the
    operation.
    """

    @property
    def identity(self) -> TargetIdentity:
        """The identity of the target, which is part of a plan and its digest."""
        ...

    def read(self, names: Collection[str] | None, owner: str | None = None) -> State:
        """Returns the containers with these names, and all containers with a version of `owner`.

        Never writes.

        Args:
            names: names of environments. If None, all containers are returned. A name that does
                not exist in the target is absent from the result.
            owner: a project. If None, only `names` selects containers.

        Returns:
            The selected containers, each with all its versions, including archived versions.
        """
        ...

    def create(self, environment: Environment, before: Before | None = None) -> None:
        """Registers a new version.

        If the build context is a local directory, the context is uploaded first. The operation is
        idempotent: if the version exists with the same spec, owner and metadata, nothing is
        written. So a caller can repeat the operation if a response was lost. In an archived
        container, the new version is archived as well.

        Args:
            environment: the version to register.
            before: the expected state of the container. If None, the state is not compared.

        Raises:
            Conflict: the version exists with another spec, owner or metadata, or the container is
                not in the expected state.
            TargetError: the build context on disk has changed since the plan was made, or the
                target refuses the content.
        """
        ...

    def update(
        self,
        key: EnvironmentKey,
        metadata: Metadata,
        provenance: Provenance,
        *,
        restore: bool = False,
        before: Before | None = None,
    ) -> None:
        """Replaces the description, tags and provenance of a version, in one write.

        Args:
            key: the version.
            metadata: the complete new description and tags.
            provenance: the complete new reserved tags.
            restore: if True, the same write restores the version. If False, an archived version
                stays archived.
            before: the expected state. If None, the state is not compared. A version that already
                has the new state is not a conflict.

        Raises:
            Conflict: the state of the version or container is not the expected state.
            TargetError: the version does not exist, is curated, or cannot be restored because its
                container is archived.
        """
        ...

    def set_archived(
        self, name: str, version: str | None, archived: bool, before: Before | None = None
    ) -> None:
        """Archives or restores one version, or the whole container.

        This operation is idempotent. An archived container hides all its versions. After a restore
        of the container, versions that were archived individually stay archived.

        Args:
            name: the environment.
            version: one version. If None, the container is archived or restored.
            archived: True to archive, False to restore.
            before: the expected state. If None, the state is not compared. A version or container
                that is already in the requested state is not a conflict.

        Raises:
            Conflict: the state is not the expected state.
            TargetError: the version or container does not exist or is curated. A version also
                cannot be restored while its container is archived.
        """
        ...

    def own(self, name: str, owner: str, before: Before | None = None) -> None:
        """Adds a project to the owners that the container lists.

        The methods that write a version also add the project. This method is for a version whose
        write was interrupted before the container was written.

        Args:
            name: the environment.
            owner: the project.
            before: the expected state. If None, the state is not compared.

        Raises:
            Conflict: the container was archived or restored in the meantime.
            TargetError: the container does not exist.
        """
        ...

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Waits, for a limited time, until `read` returns what was written through this target.

        Lists in Azure are eventually consistent: a read right after a write can be stale.

        Args:
            waiting: a function that is called before each repeated request, with the names of the
                environments whose state is still stale.
        """
        ...

    def stop(self) -> None:
        """Stops waiting for work that the target does in the background. Called after an interrupt.

        An operation that waits in another thread fails soon, if the target has not finished it.
        """
        ...

    def close(self) -> None:
        """Closes connections and files. The target cannot be used afterwards."""
        ...


class TargetIdentity(Struct, frozen=True):
    """The identity of a target, which a plan contains.

    Attributes:
        name: the name of the target in `envsync.yaml`.
        kind: `local`, `workspace` or `registry`.
        id: an identifier that is the same on every machine, such as a resource id.
    """

    name: str
    kind: str
    id: str

    def to_json(self) -> dict[str, JSON]:
        """Returns the identity as JSON data."""
        return {"name": self.name, "kind": self.kind, "id": self.id}

    @classmethod
    def from_json(cls, data: Any) -> TargetIdentity:
        """Creates the identity from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError: the data is not a mapping with the attributes of `TargetIdentity`.
        """
        return cls(data["name"], data["kind"], data["id"])


# `history` is not part of Target, because Azure keeps no history. `runtime_checkable` allows
# isinstance().
@runtime_checkable
class KeepsHistory(Protocol):
    """A target that stores the history of its changes."""

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """Returns all changes of one environment and its versions, oldest first.

        Raises:
            TargetError: the target cannot be read.
        """
        ...


@runtime_checkable
class KeepsContexts(Protocol):
    """A target that can return the files of a build context."""

    def fetch_context(self, item: RegisteredVersion, destination: Path) -> None:
        """Writes the files of the build context of a version into a new directory.

        The caller compares the files with the version, for example by the hash in the URL.

        Args:
            item: a version whose build context was uploaded from a directory.
            destination: the directory to create. If this method fails, the directory does not
                exist.

        Raises:
            ContextUnavailable: this target can never return the files.
            TargetError: the files cannot be read now.
        """
        ...
