"""`Writer`: the writes to one workspace or registry, each checked against what it shows then.

The state of a container cannot be read back: it is known from the answer of its PUT, and from
lists. So every write to a container carries a state, and no archive or restore is left out because
the container seems to be in that state already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from envsync.model.canonical import JSON
from envsync.model.environment import Environment, all_tags
from envsync.model.errors import TargetError
from envsync.model.naming import is_reserved
from envsync.targets import refusals
from envsync.targets.azure.checks import (
    ensure_archived,
    ensure_kept,
    ensure_ours,
    ensure_uploaded,
    hidden_archive,
)
from envsync.targets.azure.client import Endpoint
from envsync.targets.azure.fresh_reads import FreshReads
from envsync.targets.azure.http.errors import RequestRefused
from envsync.targets.azure.owners import owners, with_owner
from envsync.targets.azure.recent_writes import RecentWrites
from envsync.targets.azure.wire import Resource, body, registered

_DECLINED: Final = frozenset({400, 405, 409})
"""Statuses of a service that takes no such request at all."""


@dataclass(frozen=True, slots=True)
class Writer:
    """The writes. Those to one name must follow one another.

    Attributes:
        endpoint: where environments are.
        recent: takes down what was written.
        fresh: what the service holds now.
    """

    endpoint: Endpoint
    recent: RecentWrites
    fresh: FreshReads

    def register(self, environment: Environment) -> Resource:
        """Creates a version and reads it back. One whose answer was lost is known by that, too."""
        key, failure = environment.key, None
        tags = all_tags(environment.metadata, environment.provenance)
        try:
            self.endpoint.creator.create(environment)
        except TargetError as error:
            failure = error
        # azure-ai-ml reads a registry's new version back, which may not be shown yet (404).
        if failure is None or (isinstance(failure, RequestRefused) and failure.status == 404):
            # Under an archived container a version is born archived (documentation, "Archive").
            archived = self.fresh.archived(key.name)
            new = Resource(key.version, {})
            written = _written(new, environment.metadata.description, tags, archived)
            self.recent.note(key.name, key.version, written)
        try:
            held = self.fresh.version(key.name, key.version)
        except TargetError as error:
            raise failure or error from error
        if held is None:
            raise failure or TargetError(f"The service accepted {key}, and does not hold it.")
        self.recent.note(key.name, key.version, held)
        ensure_uploaded(environment, held)
        ensure_ours(environment, registered(key.name, held))
        ensure_kept(str(key), held, environment.metadata.description, tags)
        return held

    def own(self, name: str, owner: str | None) -> None:
        """Writes an owner into a container's tags, so that one list finds it.

        A service that drops or refuses the tag makes no change fail.
        """
        if owner is None:
            return
        known = self.recent.container(name)
        if known is not None and owner in owners(known.tags):
            return
        container = self.endpoint.resources.container(name)
        if container is None:
            return
        archived = self.fresh.archived(name)
        if owner in owners(container.tags):
            seen = _written(container, container.description, container.tags, archived)
            self.recent.note(name, None, seen)
            return
        try:
            self._put_container(name, container, with_owner(container.tags, owner), archived)
        except RequestRefused as error:
            if error.status not in _DECLINED:
                raise

    def _put_container(
        self, name: str, container: Resource, tags: Mapping[str, str], archived: bool
    ) -> Resource:
        """Writes a container. Its state is what the answer says: a GET does not show it."""
        sent = body(container, description=container.description, tags=tags, archived=archived)
        answer = self.endpoint.resources.put_container(name, sent)
        held = answer or _written(container, container.description, tags, archived)
        self.recent.note(name, None, held)
        return held

    def set_container(self, name: str, archived: bool) -> None:
        """Archives or restores a container, whatever state it seems to have."""
        container = self.endpoint.resources.container(name)
        if container is None:
            raise refusals.unknown(name, None)
        if is_reserved(name):
            raise refusals.curated(name)
        alone = [] if archived else self._archived_alone(name)
        try:
            held = self._put_container(name, container, container.tags, archived)
        except RequestRefused as error:
            # A service that no longer takes tags of containers may still hold some.
            if error.status not in _DECLINED or not container.tags:
                raise
            held = self._put_container(name, container, {}, archived)
        ensure_archived(name, held, archived)
        for version in alone:
            self.set_version(name, version, True)

    def _archived_alone(self, name: str) -> list[str]:
        """Versions of an archived container that are archived on their own.

        Where the service shows all of them as archived, it may mean the container: then nobody can
        tell, and none is named. A plan archives again what no file declares.
        """
        versions = self.endpoint.resources.versions(name)
        alone = [item.name for item in versions if item.archived]
        return alone if len(alone) < len(versions) else []

    def set_version(self, name: str, version: str, archived: bool) -> None:
        """Archives or restores a version. What is archived on its own already is left alone.

        Raises:
            TargetError: there is no such version, it is curated, its container forbids it, or the
                service ignored it.
        """
        held = self.changeable(name, version)
        if not archived:
            self.ensure_shown(name, version)
        elif held.archived and not self.fresh.archived(name):
            return
        try:
            self.put_version(name, held, held.description, None, archived)
        except RequestRefused as error:
            if held.archived:
                return
            if archived and self.fresh.archived(name):
                raise hidden_archive(name, version, str(error)) from error
            raise

    def put_version(
        self,
        name: str,
        held: Resource,
        description: str | None,
        tags: Mapping[str, str] | None,
        archived: bool,
    ) -> None:
        """Writes what may change of a version, and reads it back; `tags=None` leaves them."""
        what, kept = f"{name}:{held.name}", held.tags if tags is None else tags

        def ensure(shown: Resource) -> None:
            ensure_kept(what, shown, description, kept)
            ensure_archived(what, shown, archived)

        sent = body(held, description=description, tags=tags, archived=archived)
        answer = self.endpoint.resources.put_version(name, held.name, sent)
        if answer is not None:
            self.recent.note(name, held.name, answer)
            ensure(answer)
        else:
            self.recent.note(name, held.name, _written(held, description, kept, archived))
        shown = self.fresh.version(name, held.name)
        if shown is None:
            raise refusals.unknown(name, held.name)
        self.recent.note(name, held.name, shown)
        ensure(shown)

    def changeable(self, name: str, version: str) -> Resource:
        """A version that may be changed."""
        held = self.fresh.version(name, version, must_exist=True)
        if held is None:
            raise refusals.unknown(name, version)
        if held.curated or is_reserved(name):
            raise refusals.curated(f"{name}:{version}")
        return held

    def ensure_shown(self, name: str, version: str) -> None:
        """One version cannot be restored while its container is archived (documentation)."""
        if self.fresh.archived(name):
            raise refusals.hidden(name, version)


def _written(
    item: Resource, description: str | None, tags: Mapping[str, str], archived: bool
) -> Resource:
    """A resource as it should be after a write that is not answered with it."""
    said: dict[str, JSON] = {
        "description": description,
        "tags": dict(tags),
        "isArchived": archived,
        "stage": None,
    }
    return Resource(item.name, {**item.properties, **said}, item.created)
