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
from typing import Final

from envsync.errors import TargetError
from envsync.model import (
    Environment,
    EnvironmentKey,
    Metadata,
    Provenance,
    TargetIdentity,
)
from envsync.state import State
from envsync.targets import refusals
from envsync.targets.azure.checks import (
    ensure_archived,
    ensure_kept,
    ensure_ours,
    ensure_uploaded,
    hidden_archive,
    is_reserved,
)
from envsync.targets.azure.errors import Refused
from envsync.targets.azure.memory import Memory
from envsync.targets.azure.owners import owners, with_owner
from envsync.targets.azure.reading import Reading
from envsync.targets.azure.site import Site
from envsync.targets.azure.wire import Resource, body, registered
from envsync.targets.translation import all_tags, new_version

_DECLINED: Final = frozenset({400, 405, 409})
"""Statuses of a service that takes no such request at all."""


class AzureTarget:
    """A `Target` in Azure. Writes to one name happen one after another, others side by side."""

    def __init__(
        self,
        identity: TargetIdentity,
        find: Callable[[], Site],
        *,
        parallel: int,
        close: Callable[[], None],
    ) -> None:
        """Sends nothing yet.

        Args:
            identity: what the plan calls this target.
            find: where it is; asked once, when it is first used.
            parallel: how many reads are under way at once.
            close: gives back the connections.
        """
        self._identity = identity
        self._find = find
        self._parallel = parallel
        self._close = close
        self._memory = Memory()
        self._found: Site | None = None
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
        return Reading(self.site.resources, self._parallel, self._memory).state(names, owner)

    def create(self, environment: Environment) -> None:
        """Registers a new version, after its build context, if local, has been uploaded.

        Does nothing where this version, with the same spec and owner, is there already.

        Raises:
            TargetError: the version exists and is not this one; the build context on disk is no
                longer what the spec says; or the service refuses it, or keeps something else.
        """
        refusals.check_new(new_version(environment))
        key = environment.key
        with self._lock(key.name):
            held = self.site.resources.version(key.name, key.version)
            if held is None:
                held = self._register(environment)
            else:
                ensure_ours(environment, registered(key.name, held))
            self._memory.note(key.name, key.version, held)
            self._own(key.name, environment.provenance.owner)

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
            held = self._changeable(key.name, key.version)
            if restore:
                self._ensure_shown(key.name, key.version)
            tags = all_tags(metadata, provenance)
            archived = held.archived and not restore
            if (held.description, held.tags, held.archived) != (
                *(metadata.description or None, tags),
                archived,
            ):
                written = body(held, description=metadata.description, tags=tags, archived=archived)
                self.site.resources.put_version(key.name, key.version, written)
                held = self._read_back(key.name, key.version)
                ensure_kept(str(key), held, metadata.description, tags)
                ensure_archived(str(key), held, archived)
            self._own(key.name, provenance.owner)

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
                self._set_container(name, archived)
            else:
                self._set_version(name, version, archived)

    def close(self) -> None:
        """Closes all connections."""
        self._close()

    @property
    def site(self) -> Site:
        """Where it was found. Looked up once, when it is first needed."""
        with self._finding:
            if self._found is None:
                self._found = self._find()
            return self._found

    def _lock(self, name: str) -> threading.Lock:
        with self._locking:
            return self._locks[name]

    def _register(self, environment: Environment) -> Resource:
        """Creates a version and reads it back. One whose answer was lost is known by that, too."""
        key, failure = environment.key, None
        try:
            self.site.creator.create(environment)
        except TargetError as error:
            failure = error
        try:
            held = self.site.resources.version(key.name, key.version)
        except TargetError as error:
            raise failure or error from error
        if held is None:
            raise failure or TargetError(f"The service accepted {key}, and does not hold it.")
        ensure_uploaded(environment, held)
        ensure_ours(environment, registered(key.name, held))
        tags = all_tags(environment.metadata, environment.provenance)
        ensure_kept(str(key), held, environment.metadata.description, tags)
        return held

    def _own(self, name: str, owner: str | None) -> None:
        """Writes an owner into a container's tags, so that one list finds it.

        A service that drops or refuses it makes no change fail: the next plan says so.
        """
        if owner is None:
            return
        known = self._memory.container(name)
        if known is not None and owner in owners(known.tags):
            return
        container = self.site.resources.container(name)
        if container is None or owner in owners(container.tags):
            if container is not None:
                self._memory.note(name, None, container)
            return
        tags = with_owner(container.tags, owner)
        try:
            self._put_container(name, container, tags, container.archived)
        except Refused as error:
            if error.status not in _DECLINED:
                raise

    def _put_container(
        self, name: str, container: Resource, tags: dict[str, str], archived: bool
    ) -> Resource:
        """Writes a container and reads it back."""
        written = body(container, description=container.description, tags=tags, archived=archived)
        self.site.resources.put_container(name, written)
        held = self.site.resources.container(name)
        if held is None:
            raise refusals.unknown(name, None)
        self._memory.note(name, None, held)
        return held

    def _set_container(self, name: str, archived: bool) -> None:
        container = self.site.resources.container(name)
        if container is None:
            raise refusals.unknown(name, None)
        if is_reserved(name):
            raise refusals.curated(name)
        if container.archived == archived:
            return
        alone = [] if archived else self._archived_alone(name)
        held = self._put_container(name, container, container.tags, archived)
        ensure_archived(name, held, archived)
        for version in alone:
            self._set_version(name, version, True)

    def _archived_alone(self, name: str) -> list[str]:
        """Versions of an archived container that are archived on their own.

        Where the service shows all of them as archived, it may mean the container: then nobody can
        tell, and none is named. A plan archives again what no file declares.
        """
        versions = self.site.resources.versions(name)
        alone = [item.name for item in versions if item.archived]
        return alone if len(alone) < len(versions) else []

    def _set_version(self, name: str, version: str, archived: bool) -> None:
        held = self._changeable(name, version)
        if not archived:
            self._ensure_shown(name, version)
        if held.archived == archived and not (archived and self._is_hidden(name)):
            return
        written = body(held, description=held.description, tags=held.tags, archived=archived)
        try:
            self.site.resources.put_version(name, version, written)
        except Refused as error:
            if held.archived:
                return
            if archived and self._is_hidden(name):
                raise hidden_archive(name, version, str(error)) from error
            raise
        ensure_archived(f"{name}:{version}", self._read_back(name, version), archived)

    def _changeable(self, name: str, version: str) -> Resource:
        """A version that may be changed."""
        held = self.site.resources.version(name, version)
        if held is None:
            raise refusals.unknown(name, version)
        if held.curated or is_reserved(name):
            raise refusals.curated(f"{name}:{version}")
        return held

    def _ensure_shown(self, name: str, version: str) -> None:
        """One version cannot be restored while its container is archived (documentation)."""
        if self._is_hidden(name):
            raise refusals.hidden(name, version)

    def _is_hidden(self, name: str) -> bool:
        """Whether the container is archived. Then `isArchived` of a version may be only that."""
        container = self.site.resources.container(name)
        return container is not None and container.archived

    def _read_back(self, name: str, version: str) -> Resource:
        held = self.site.resources.version(name, version)
        if held is None:
            raise refusals.unknown(name, version)
        self._memory.note(name, version, held)
        return held
