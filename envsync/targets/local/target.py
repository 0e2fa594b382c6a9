"""The local target: a whole workspace in one SQLite file, for demos, tests and rehearsals.

The store (`store/store.py`) enforces the rules of the Azure ML service and uses the service's
terms. `translation.py` translates these terms to envsync's model.
docs/reference/local-target.md describes the target for users.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from msgspec.structs import replace

from envsync.model.before import Before
from envsync.model.environment import Environment, EnvironmentKey, Metadata, all_tags
from envsync.model.errors import ContextUnavailable
from envsync.model.history import HistoryEntry
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion, State
from envsync.model.target import TargetIdentity
from envsync.project.state_directory import NAME as STATE
from envsync.targets.conflicts import ensure_archivable, ensure_creatable, ensure_updatable
from envsync.targets.local.contexts import ContextStore, copy
from envsync.targets.local.translation import Decoder, new_version
from envsync.targets.store import rules
from envsync.targets.store.failures import damaged
from envsync.targets.store.rows import Snapshot
from envsync.targets.store.store import Store


def utc_now() -> datetime:
    """Returns the current time."""
    return datetime.now(UTC)


class LocalTarget:
    """A `Target` that keeps environments in one SQLite file, and build contexts next to the file.

    Attributes:
        store: the content of the file, in the service's terms.
    """

    def __init__(
        self,
        path: Path,
        identity: TargetIdentity,
        *,
        actor: str | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Creates a target without opening the file. The first write creates the file.

        Args:
            path: the SQLite file.
            identity: the identity of this target in a plan.
            actor: the user that the history shows for each change. If None, see `current_actor`.
            clock: a function that returns the current time with its time zone.
        """
        self._identity = identity
        self.store = Store(path, actor=actor or current_actor(), clock=clock)
        # Keep build contexts in `.envsync`, because a build context can contain environment files.
        # envsync does not search `.envsync` for environments, and never includes `.envsync` in a
        # build context.
        directory = self.store.database.directory
        state = directory if directory.name == STATE else directory / STATE
        self._clean = False
        # Decoding a row takes longer than reading it, so containers are kept until they change.
        self._known: dict[str, Container] = {}
        self._reading = Lock()
        self._contexts = ContextStore(state / "contexts")
        self._decoder = Decoder(self._contexts.location)

    @property
    def identity(self) -> TargetIdentity:
        """The target's name and kind, and its path as written in `envsync.yaml`."""
        return self._identity

    def read(self, names: Collection[str] | None, owner: str | None = None) -> State:
        """Returns the containers in `names`, and the containers in which `owner` owns a version.

        If `names` is None, all containers are returned. If the file does not exist, the state is
        empty and the file is not created.

        Raises:
            TargetError: the file cannot be read.
        """
        with self._reading:
            rows = self.store.read(names, owner, self._known)
            unknown = [row for row in rows.containers if row.name not in self._known]
            self._known.update(self._state(replace(rows, containers=unknown)))
            return {row.name: self._known[row.name] for row in rows.containers}

    def _clean_up(self) -> None:
        """Removes the unfinished files of killed processes. Only the first call has an effect."""
        if not self._clean:
            self._clean = True
            self.store.database.remove_leftovers()
            self._contexts.remove_leftovers()

    def _container(self, name: str, rows: Snapshot) -> Container:
        """Returns a container that is about to be changed."""
        return self._state(rows, keep=True).get(name, Container(name))

    def _state(self, snapshot: Snapshot, *, keep: bool = False) -> State:
        try:
            return self._decoder.state(snapshot, keep=keep)
        except (KeyError, TypeError, ValueError) as error:
            # SQLite does not detect damage in the text of the rows.
            raise damaged(self.store.database.path, error) from error

    def create(self, environment: Environment, before: Before | None = None) -> None:
        """Copies the build context, if it is local, and registers a new version.

        Does nothing if the version exists with the same spec, owner and metadata.

        Raises:
            Conflict: the version exists with another spec, owner or metadata, or the container was
                archived or restored since the plan was made.
            TargetError: the build context on disk has changed since the plan was made, or the
                version breaks a rule of the service.
        """
        self._clean_up()
        new = new_version(environment)
        context = environment.spec.local_context
        key = environment.key
        if context is not None:
            rules.check_new(new)
            # If the version is already registered, do not read the directory, because it was
            # possibly edited or removed since the first apply.
            held = self.read([key.name]).get(key.name, Container(key.name))
            if ensure_creatable(environment, before, held):
                return
            self.store.database.make_directory()
            self._contexts.keep(context)
        self.store.create_version(
            new,
            check=lambda rows: ensure_creatable(
                environment, before, self._container(key.name, rows)
            ),
        )

    def update(
        self,
        key: EnvironmentKey,
        metadata: Metadata,
        provenance: Provenance,
        *,
        restore: bool = False,
        before: Before | None = None,
    ) -> None:
        """Replaces the description, the tags and the provenance of a version.

        Args:
            key: the name and version.
            metadata: the new description and tags.
            provenance: the new provenance.
            restore: whether to restore the version in the same write.
            before: the expected state. If None, the state is not compared.

        Raises:
            Conflict: the state is not the expected state.
            TargetError: the version does not exist, is curated, or cannot be restored because its
                container is archived.
        """
        self._clean_up()
        tags = all_tags(metadata, provenance)
        self.store.update_version(
            key.name,
            key.version,
            description=metadata.description,
            tags=tags,
            restore=restore,
            check=lambda rows: ensure_updatable(
                key, metadata, provenance, before, self._container(key.name, rows)
            ),
        )

    def set_archived(
        self, name: str, version: str | None, archived: bool, before: Before | None = None
    ) -> None:
        """Archives or restores one version, or the container if `version` is None.

        Raises:
            Conflict: the state is not the expected state.
            TargetError: the version or container does not exist or is curated, or the call restores
                a version of an archived container.
        """
        self._clean_up()
        self.store.set_archived(
            name,
            version,
            archived=archived,
            check=lambda rows: ensure_archivable(
                name, version, before, self._container(name, rows), archived=archived
            ),
        )

    def own(self, name: str, owner: str, before: Before | None = None) -> None:
        """Does nothing, because one transaction writes a version and the owner of its container."""

    def fetch_context(self, item: RegisteredVersion, destination: Path) -> None:
        """Copies the build context of a version into a new directory.

        Raises:
            ContextUnavailable: this target has no copy of the files.
            TargetError: the files cannot be copied.
        """
        context = item.environment.spec.local_context
        if context is None or context.directory is None or not Path(context.directory).is_dir():
            raise ContextUnavailable("because the local target has lost its copy of the files")
        copy(context, destination)

    def history(self, name: str) -> tuple[HistoryEntry, ...]:
        """Returns all changes that were made to one environment or its versions, oldest first.

        Raises:
            TargetError: the file cannot be read.
        """
        return self.store.history(name)

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Does nothing, because a read shows every earlier write."""

    def stop(self) -> None:
        """Does nothing, because the local target does no work in the background."""

    def close(self) -> None:
        """Closes the file."""
        self.store.close()


def current_actor() -> str:
    """Returns the value of `GITHUB_ACTOR`, or the user of this machine if it is not set."""
    if actor := os.environ.get("GITHUB_ACTOR"):
        return actor
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # In a Docker container, the user id possibly has no user name. In this case, Python 3.13
        # raises OSError, and earlier versions raise KeyError. On Windows, Python raises ImportError
        # if no environment variable contains the user name.
        return "unknown"
