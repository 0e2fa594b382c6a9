"""`AzureTarget`: environments in a workspace or registry, through its REST resources.

Reading and updating goes through the resources themselves: azure-ai-ml loses the archived state,
restores what it updates and cannot clear tags. Creating goes through azure-ai-ml, which uploads
build contexts. Each write is read back and compared: a service may accept a change and ignore it.

Nothing in the service tells whether a version has changed since it was read (no ETag), so each
write reads first, and changes nothing but what it is for.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection

from envsync.model.environment import Environment, EnvironmentKey, Metadata, all_tags
from envsync.model.provenance import Provenance
from envsync.model.state import State
from envsync.model.target import TargetIdentity
from envsync.targets import refusals
from envsync.targets.azure.checks import (
    ensure_ours,
)
from envsync.targets.azure.client import Endpoint
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.recent_writes import RecentWrites
from envsync.targets.azure.state_reader import StateReader
from envsync.targets.azure.wire import registered
from envsync.targets.azure.writer import Writer


class AzureTarget:
    """A `Target` in Azure. Writes to one name happen one after another, others side by side."""

    def __init__(
        self,
        identity: TargetIdentity,
        find: Callable[[], Endpoint],
        *,
        parallel: int,
        stale: float,
        close: Callable[[], None],
    ) -> None:
        """Does not connect: the first request is sent when the target is first used.

        Args:
            identity: what the plan calls this target.
            find: where it is; asked once, when it is first used.
            parallel: how many reads are under way at once.
            stale: seconds for which the GET of a version may show the state before a write.
            close: gives back the connections.
        """
        self._identity = identity
        self._find = find
        self._parallel = parallel
        self._close = close
        self._recent_writes = RecentWrites(stale)
        self._found: Writer | None = None
        self._finding = threading.Lock()
        self._locking = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def identity(self) -> TargetIdentity:
        """Its name in `envsync.yaml`, its kind, and its id in Azure."""
        return self._identity

    def read(self, names: Collection[str] | None, owner: str | None = None) -> State:
        """The containers of these names and those in which `owner` owns a version.

        `names=None` reads everything. What `owner` owns is found by the containers' own tags.

        Raises:
            TargetError: it cannot be read.
        """
        fresh = self._writer.fresh
        reader = StateReader(self.endpoint.resources, self._parallel, self._recent_writes, fresh)
        return reader.state(names, owner)

    def settle(self, waiting: Callable[[Collection[str]], None]) -> None:
        """Waits until lists show which environments were archived and restored, at most a minute.

        Raises:
            TargetError: the lists cannot be read.
        """
        self._writer.fresh.settle(waiting)

    def create(self, environment: Environment) -> None:
        """Registers a new version, after its build context, if local, has been uploaded.

        Does nothing where this version, with the same spec and owner, is there already.

        Raises:
            TargetError: the version exists and is not this one; the build context on disk is no
                longer what the spec says; or the service refuses it, or keeps something else.
        """
        refusals.check_new(
            environment.key.name,
            environment.key.version,
            image=environment.spec.image is not None,
            build=environment.spec.build is not None,
        )
        key = environment.key
        with self._lock(key.name):
            held = self._writer.fresh.version(key.name, key.version)
            if held is None:
                self._writer.register(environment)
            else:
                ensure_ours(environment, registered(key.name, held))
                self._recent_writes.note(key.name, key.version, held)
            self._writer.own(key.name, environment.provenance.owner)

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
            TargetError: there is no such version, it is curated, it is to be restored while its
                container is archived, or the service ignored something.
        """
        with self._lock(key.name):
            held = self._writer.changeable(key.name, key.version)
            if restore:
                self._writer.ensure_shown(key.name, key.version)
            tags = all_tags(metadata, provenance)
            archived = held.archived and not restore
            self._writer.put_version(key.name, held, metadata.description, tags, archived)
            self._writer.own(key.name, provenance.owner)

    def set_archived(self, name: str, version: str | None, archived: bool) -> None:
        """Archives or restores one version, or with `version=None` the container.

        A container that is restored keeps archived what was archived on its own, whatever the
        service does with it.

        Raises:
            TargetError: there is no such thing, it is curated, one version is to be restored while
                its container is archived, or the service ignored it.
        """
        with self._lock(name):
            if version is None:
                self._writer.set_container(name, archived)
            else:
                self._writer.set_version(name, version, archived)

    def close(self) -> None:
        """Closes all connections."""
        self._close()

    @property
    def endpoint(self) -> Endpoint:
        """Where it was found. Looked up once, when it is first needed."""
        return self._writer.endpoint

    @property
    def _writer(self) -> Writer:
        with self._finding:
            if self._found is None:
                endpoint = self._find()
                self._found = Writer(
                    endpoint,
                    self._recent_writes,
                    FreshReads(endpoint.resources, self._recent_writes),
                )
            return self._found

    def _lock(self, name: str) -> threading.Lock:
        with self._locking:
            return self._locks[name]
