"""`AzureTarget`: the environments of a workspace or registry, through the REST API.

envsync reads and updates versions with its own REST requests, because azure-ai-ml loses the
archived state, restores each updated version, and cannot clear tags. envsync creates versions with
azure-ai-ml, because azure-ai-ml uploads build contexts. Each written resource is read back and
compared, because the service can accept a change and ignore it.

The service has no ETag, so a write cannot have a precondition. Each write therefore reads the
version first, compares it with what the plan expects (targets/conflicts.py), and changes only the
fields that must change. Another client can still write between this read and the write.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from envsync.model.before import Before
from envsync.model.environment import Environment, EnvironmentKey, Metadata, all_tags
from envsync.model.errors import ContextUnavailable
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion, State
from envsync.model.target import TargetIdentity
from envsync.targets import conflicts, refusals
from envsync.targets.azure.client import Endpoint
from envsync.targets.azure.container_writer import ContainerWriter
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.races import ensure_not_born_archived, ensure_nothing_new
from envsync.targets.azure.recent_writes import RecentWrites
from envsync.targets.azure.state_reader import StateReader
from envsync.targets.azure.version_writer import VersionWriter
from envsync.targets.azure.wire import Resource, registered
from envsync.targets.connection import Reading, in_silence


class AzureTarget:
    """A `Target` in Azure. Writes to the same name are never sent in parallel."""

    def __init__(
        self,
        identity: TargetIdentity,
        find: Callable[[], Endpoint],
        *,
        parallel: int,
        stale: float,
        close: Callable[[], None],
        stop: Callable[[], None],
        reading: Reading = in_silence,
    ) -> None:
        """Does not connect: the first request is sent when the target is first used.

        Args:
            identity: the identity of this target in a plan.
            find: a function that returns the endpoint. The function is called once, when the target
                is first used.
            parallel: the maximum number of concurrent reads.
            stale: for this number of seconds after a write, a GET of a version can be stale.
            close: a function that closes the connections.
            stop: a function that ends the waits for long-running operations.
            reading: shows the progress of a read.
        """
        self._identity = identity
        self._find = find
        self._parallel = parallel
        self._close = close
        self._stop = stop
        self._reading = reading
        self._recent_writes = RecentWrites(stale)
        self._found: ContainerWriter | None = None
        self._finding = threading.Lock()
        self._locking = threading.Lock()
        # A PUT replaces the whole resource and there is no ETag, so parallel writes to one name
        # could overwrite each other.
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def identity(self) -> TargetIdentity:
        """The target's name in `envsync.yaml`, its kind, and its id in Azure."""
        return self._identity

    def read(self, names: Collection[str] | None, owner: str | None = None) -> State:
        """Returns the containers in `names`, and the containers in which `owner` owns a version.

        If `names` is None, all containers are returned. The owners are read from the tags of the
        containers.

        Raises:
            TargetError: the state cannot be read.
        """
        # Show progress before the first use of `endpoint`, because the first use signs in, which
        # can take seconds.
        with self._reading() as advance:
            reader = StateReader(
                resources=self.endpoint.resources,
                parallel=self._parallel,
                recent=self._recent_writes,
                fresh=self._containers.fresh,
                advance=advance,
            )
            return reader.state(names, owner)

    def fetch_context(self, item: RegisteredVersion, destination: Path) -> None:
        """Downloads the build context of a version into a new directory.

        Raises:
            ContextUnavailable: this target is a registry, or the storage of the workspace does not
                have the files.
            TargetError: the storage account cannot be reached, or refuses the request.
        """
        contexts = self.endpoint.contexts
        if contexts is None or item.context_uri is None:
            raise ContextUnavailable("because clients cannot read the storage of a registry")
        contexts.fetch(item.context_uri, destination)

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Waits until a read shows this process's writes, and the late writes of other clients.

        Lists can take a minute to show which environments were archived or restored.

        Raises:
            TargetError: the lists cannot be read.
        """
        self._containers.fresh.settle(waiting)

    def create(self, environment: Environment, before: Before | None = None) -> None:
        """Uploads the build context, if it is local, and registers a new version.

        Does nothing if the version exists with the same spec, owner and metadata.

        Raises:
            Conflict: the version exists with another spec, owner or metadata, or the container was
                archived or restored since the plan was made.
            TargetError: the build context on disk has changed since the plan was made, or the
                service refuses the version or stores other values.
        """
        refusals.check_new(
            environment.key.name,
            environment.key.version,
            image=environment.spec.image is not None,
            build=environment.spec.build is not None,
        )
        key, fresh = environment.key, self._containers.fresh

        def find() -> Resource | None:
            held = fresh.version(key.name, key.version)
            # The list of versions can be stale, so the state of this version is not read from the
            # list.
            others = fresh.versions(key.name) if before and before.known is not None else []
            found = [held, *(item for item in others if item.name != key.version)]
            conflicts.ensure_creatable(
                environment, before, self._container(key.name, found, before)
            )
            return held

        with self._writing(key.name):
            # azure-ai-ml's `create_or_update` would replace the metadata of an existing version,
            # and restore an archived version. `find` therefore reads the version after an upload,
            # just before the new version is sent. An earlier call of `find` saves the upload if the
            # version exists.
            held = None if environment.spec.local_context is None else find()
            if held is None:
                self._versions.register(environment, find)
                created = self._recent_writes.versions(key.name).get(key.version)
                ensure_not_born_archived(key, created, before)
            else:
                self._recent_writes.note(key.name, key.version, held)
            self._containers.own(key.name, environment.provenance.owner)

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
            TargetError: the version does not exist or is curated, or the service ignored a change.
                Also raised if `restore` is True while the container is archived.
        """
        with self._writing(key.name):
            if before is not None:
                # Read the lists now, so that the time between reading the version and writing it
                # is short.
                self._containers.fresh.archived(key.name)
            held = self._versions.changeable(
                key.name,
                key.version,
                lambda held: conflicts.ensure_updatable(
                    key, metadata, provenance, before, self._container(key.name, [held], before)
                ),
            )
            if restore:
                self._versions.ensure_shown(key.name, key.version)
            tags = all_tags(metadata, provenance)
            archived = held.archived and not restore
            self._versions.put_version(
                key.name, held, description=metadata.description, tags=tags, archived=archived
            )
            self._containers.own(key.name, provenance.owner)

    def set_archived(
        self, name: str, version: str | None, archived: bool, before: Before | None = None
    ) -> None:
        """Archives or restores one version, or the container if `version` is None.

        Restoring a container does not restore versions that were archived separately. If the
        service restores these versions, envsync archives them again.

        Raises:
            Conflict: the state is not the expected state.
            TargetError: the version or container does not exist or is curated, the call restores a
                version of an archived container, or the service ignored the change.
        """

        def check(found: Iterable[Resource | None]) -> None:
            container = self._container(name, found, before)
            conflicts.ensure_archivable(name, version, before, container, archived=archived)

        with self._writing(name):
            if version is None:
                self._containers.set_container(name, archived, check if before else None)
                if archived and before is not None:
                    ensure_nothing_new(name, before, self._containers.fresh)
            else:
                self._versions.set_version(name, version, archived, lambda held: check([held]))

    def own(self, name: str, owner: str, before: Before | None = None) -> None:
        """Adds a project to the owners in the tags of a container.

        Raises:
            Conflict: the container was archived or restored since the plan was made.
            TargetError: the container does not exist, or its tags could not be written.
        """
        with self._writing(name):
            conflicts.ensure_ownable(name, before, self._container(name, [], before))
            self._containers.own(name, owner)

    def _container(
        self, name: str, items: Iterable[Resource | None], before: Before | None
    ) -> Container:
        """Returns a container with the given versions, for a comparison with `before`."""
        # If `before` is None, nothing is compared, so the archived state is not read.
        return Container(
            name,
            tuple(registered(name, item) for item in items if item is not None),
            archived=before is not None and self._containers.fresh.archived(name),
        )

    def stop(self) -> None:
        """Ends the waits for long-running operations of the service, and for fresh reads."""
        self._stop()
        if self._found is not None:  # no lock: a thread that signs in can hold it for minutes
            self._found.fresh.stop()

    def close(self) -> None:
        """Closes all connections."""
        self._close()

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the target. The endpoint is found at the first use of this property."""
        return self._containers.endpoint

    @property
    def _containers(self) -> ContainerWriter:
        with self._finding:
            if self._found is None:
                endpoint, recent = self._find(), self._recent_writes
                fresh = FreshReads(endpoint.resources, recent)
                versions = VersionWriter(endpoint, recent, fresh)
                self._found = ContainerWriter(endpoint, recent, fresh, versions)
            return self._found

    @property
    def _versions(self) -> VersionWriter:
        return self._containers.versions

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Lets one thread at a time write to a name, and records how long the change takes."""
        with self._locking:
            # Without `_locking`, two threads could create two locks for the same name.
            lock = self._locks[name]
        with lock, self._recent_writes.timed():
            yield
