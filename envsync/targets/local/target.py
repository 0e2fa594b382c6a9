"""The embedded target: a whole workspace in one SQLite file, for trying out, tests and rehearsals.

The Azure ML service's rules are the store's (`store/store.py`), which speaks the service's terms.
This is envsync's side of it. docs/local-target.md describes it for users.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from envsync.model.environment import Environment, EnvironmentKey, Metadata, all_tags
from envsync.model.history import HistoryEntry
from envsync.model.provenance import Provenance
from envsync.model.state import State
from envsync.model.target import TargetIdentity
from envsync.targets.local.contexts import ContextStore
from envsync.targets.local.translation import new_version, state
from envsync.targets.store.failures import damaged
from envsync.targets.store.store import Store


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)


class LocalTarget:
    """A `Target` that keeps everything in one SQLite file, and build contexts beside it.

    Attributes:
        store: what is in the file, in the service's terms.
    """

    def __init__(
        self,
        path: Path,
        identity: TargetIdentity,
        *,
        actor: str | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Opens nothing yet; the first write makes the file.

        Args:
            path: the SQLite file.
            identity: what the plan calls this target.
            actor: who makes the changes, for the history; by default whoever runs this.
            clock: the current time, with its time zone.
        """
        self._identity = identity
        self.store = Store(path, actor=actor or current_actor(), clock=clock)
        self._contexts = ContextStore(self.store.database.directory / "contexts")

    @property
    def identity(self) -> TargetIdentity:
        """Its name in `envsync.yaml`, its kind, and its path as `envsync.yaml` has it."""
        return self._identity

    def read(self, names: Collection[str] | None, owner: str | None = None) -> State:
        """The containers of these names and those in which `owner` owns a version.

        `names=None` reads everything. Never writes: where there is no file, there is no state.

        Raises:
            TargetError: the file cannot be read.
        """
        snapshot = self.store.read(names, owner)
        try:
            return state(snapshot, self._contexts.location)
        except (KeyError, TypeError, ValueError) as error:
            # SQLite notices damage to its own structure only, not to the text in it.
            raise damaged(self.store.database.path, error) from error

    def create(self, environment: Environment) -> None:
        """Registers a new version, after its build context, if local, has been copied.

        Does nothing where this version, with the same spec and owner, is there already.

        Raises:
            TargetError: the version exists and is not this one; the build context on disk is no
                longer what the spec says; or a rule of the service forbids it.
        """
        new = new_version(environment)
        context = environment.spec.local_context
        if context is not None:
            if self.store.is_registered(new):
                return
            self.store.database.make_directory()
            self._contexts.keep(context)
        self.store.create_version(new)

    def update(
        self,
        key: EnvironmentKey,
        metadata: Metadata,
        provenance: Provenance,
        *,
        restore: bool = False,
    ) -> None:
        """Replaces description, tags and provenance of a version; with `restore`, un-archives it.

        Raises:
            TargetError: there is no such version, it is curated, or it is to be restored while its
                container is archived.
        """
        tags = all_tags(metadata, provenance)
        self.store.update_version(
            key.name, key.version, metadata.description, tags, restore=restore
        )

    def set_archived(self, name: str, version: str | None, archived: bool) -> None:
        """Archives or restores one version, or with `version=None` the container.

        Raises:
            TargetError: there is no such thing, it is curated, or one version is to be restored
                while its container is archived.
        """
        self.store.set_archived(name, version, archived=archived)

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """All changes of one environment and its versions, oldest first.

        Raises:
            TargetError: the file cannot be read.
        """
        return self.store.history(name)

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Does nothing: a read shows every write."""

    def close(self) -> None:
        """Closes the file."""
        self.store.close()


def current_actor() -> str:
    """Who runs this: the GitHub user of a workflow, else the user of this machine."""
    if actor := os.environ.get("GITHUB_ACTOR"):
        return actor
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # no such user, as in some containers
        return "unknown"
