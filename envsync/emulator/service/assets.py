"""`Assets`: the environments of one workspace or registry, as REST resources.

The store decides which operations are allowed. This module translates requests to operations of the
store, and the store's rows to JSON, pages and HTTP statuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from envsync.emulator.service import lag, wire
from envsync.emulator.service.errors import no_environment, refused
from envsync.emulator.service.paging import is_ascending, items_on_page, page, view_of
from envsync.emulator.service.resources import Naming, Resources, context_uri
from envsync.emulator.service.routing import Call
from envsync.emulator.service.shape import renames_conda
from envsync.emulator.settings import AssetKind, Settings
from envsync.model.canonical import JSON
from envsync.targets.refusals import RuleViolation
from envsync.targets.store.rows import (
    ContainerRecord,
    NewVersion,
    VersionRecord,
    Written,
    parsed_tags,
)
from envsync.targets.store.store import Store


class Assets:
    """Reads and writes the environments in one store."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Settings,
        clock: Callable[[], datetime],
        kind: AssetKind,
    ) -> None:
        """Creates the assets of a store. Does not read the store.

        Args:
            store: the store with the environments.
            settings: the behaviour of the service.
            clock: a function that returns the current time with its time zone.
            kind: `workspace` or `registry`.
        """
        self.store = store
        self._settings = settings
        self._clock = clock
        self._started = clock()
        self._kind = kind
        self._resources = Resources(settings, kind)

    def get_version(self, call: Call, naming: Naming) -> JSON:
        """Returns the resource of a version, as it was `stale_get_seconds` ago.

        Raises:
            ServiceError: the version does not exist (404).
        """
        name, version = call.names["name"], call.names["version"]
        _, versions = self._before(self._settings.stale_get_seconds, name)
        record = next((item for item in versions if item.row.version == version), None)
        if record is None:
            raise no_environment(name, version)
        return self._resources.version(
            record, versions, hidden=self._is_hidden(name), call=call, naming=naming
        )

    def put_version(self, call: Call, naming: Naming) -> JSON:
        """Registers or changes a version, and returns its new resource.

        Raises:
            ServiceError: the request is invalid, or a rule of the service forbids the write.
        """
        properties = wire.properties_of(call.body)
        written = self._written(properties)
        new = wire.new_version(
            call.names["name"],
            call.names["version"],
            properties=properties,
            mutable=written,
            rename_conda=renames_conda(self._settings.as_of),
        )
        record = self.write_version(call, self._with_stored_context(new, naming), written)
        versions = self.store.records(new.name)[1]
        return self._resources.version(
            record, versions, hidden=self._is_hidden(new.name), call=call, naming=naming
        )

    def write_version(self, call: Call, new: NewVersion, written: Written) -> VersionRecord:
        """Registers or changes a version with the values of a request.

        Raises:
            ServiceError: a rule of the service forbids the write.
        """
        held = self.store.record(new.name, new.version)
        # The Python version is checked only for new versions, so that registered versions can still
        # be changed and archived.
        if held is None and self._settings.end_of_life_python == "refuse":
            wire.check_python(new)
        frozen = self._kind == "registry" and self._settings.registry_metadata == "ignore"
        try:
            with self.store.changing(call.actor) as changes:
                if held is not None and frozen:
                    written = _frozen(held, written)
                return changes.put_version(new, written)
        except RuleViolation as error:
            raise refused(error, self._settings.conflict) from error

    def get_container(self, call: Call, naming: Naming) -> JSON:
        """Returns the resource of a container.

        If `container_get` is `recorded`, `isArchived` is always false.

        Raises:
            ServiceError: the container does not exist (404).
        """
        name = call.names["name"]
        containers, versions = self.store.records(name)
        if not containers:
            raise no_environment(name)
        archived = bool(containers[0].archived) and self._settings.container_get == "stored"
        return self._resources.container(
            containers[0], versions, archived=archived, call=call, naming=naming
        )

    def put_container(self, call: Call, naming: Naming) -> JSON:
        """Creates or changes a container, and returns its new resource.

        Raises:
            ServiceError: a rule of the service forbids the write.
        """
        name = call.names["name"]
        written = self._written(wire.properties_of(call.body))
        try:
            with self.store.changing(call.actor) as changes:
                record = changes.put_container(name, written)
        except RuleViolation as error:
            raise refused(error, self._settings.conflict) from error
        versions = self.store.records(name)[1]
        return self._resources.container(
            record, versions, archived=bool(record.archived), call=call, naming=naming
        )

    def list_containers(self, call: Call, naming: Naming) -> JSON:
        """Returns a page of the list of containers, newest first, as in recorded responses."""
        size, view = self._settings.page_size, view_of(call)

        def listed(containers: Sequence[ContainerRecord]) -> list[ContainerRecord]:
            found = [item for item in containers if bool(item.archived) in view]
            return sorted(found, key=lambda item: item.created_at, reverse=True)

        if seconds := self._settings.list_lag_seconds:
            containers, versions = self._before(seconds)
        else:
            # Reading all versions for each page would take most of the time of a large list.
            containers, versions = self.store.records_on_page(
                lambda found: [item.name for item in items_on_page(call, listed(found), size=size)]
            )
        by_name: defaultdict[str, list[VersionRecord]] = defaultdict(list)
        for version in versions:
            by_name[version.row.name].append(version)
        return page(
            call,
            listed(containers),
            size=size,
            render=lambda item: self._resources.container(
                item,
                by_name[item.name],
                archived=bool(item.archived) and self._settings.archived_entry == "true",
                call=call,
                naming=naming,
            ),
        )

    def list_versions(self, call: Call, naming: Naming) -> JSON:
        """Returns a page of the versions of a name, newest first unless `$orderBy` is ascending.

        Raises:
            ServiceError: the name does not exist, and `absent_versions` is `404`.
        """
        name = call.names["name"]
        containers, versions = self._before(self._settings.list_lag_seconds, name)
        if not containers:
            if self._settings.absent_versions == "404":
                raise no_environment(name)
            return {"value": []}
        hidden, view = bool(containers[0].archived), view_of(call)
        shown = [item for item in versions if (hidden or bool(item.row.archived)) in view]
        if not is_ascending(call):
            shown.reverse()
        return page(
            call,
            shown,
            size=self._settings.page_size,
            render=lambda item: self._resources.version(
                item, versions, hidden=hidden, call=call, naming=naming
            ),
        )

    def _before(
        self, seconds: float, name: str | None = None
    ) -> tuple[list[ContainerRecord], list[VersionRecord]]:
        """Returns the containers and versions as they were some seconds ago.

        If `name` is None, the containers and versions of all names are returned.
        """
        containers, versions = self.store.records(name)
        if not seconds:
            return containers, versions
        at = lag.horizon(self._clock(), seconds, self._started)
        later = self.store.history_after(at, name)
        return lag.as_of(containers, versions, later=later, at=at)

    def _written(self, properties: Mapping[str, JSON]) -> Written:
        return wire.written(properties, numbers=self._settings.numeric_tags != "refuse")

    def _with_stored_context(self, new: NewVersion, naming: Naming) -> NewVersion:
        """Replaces the URL of a stored build context with the digest of the build context.

        The store of a local target keeps build contexts by digest. Clients see a URL, and send it
        back unchanged in a PUT. If the URL were not replaced, the store would treat the URL as a
        change of the spec.
        """
        held = self.store.record(new.name, new.version)
        if held is None or held.row.build_context is None:
            return new
        if new.spec.build_uri != context_uri(held, naming):
            return new
        spec = new.spec._replace(build_uri=None, build_context=held.row.build_context)
        return replace(new, spec=spec)

    def _is_hidden(self, name: str) -> bool:
        containers, _ = self.store.records(name)
        return bool(containers and containers[0].archived)


def _frozen(held: VersionRecord, written: Written) -> Written:
    return replace(
        written,
        description=held.row.description,
        tags=parsed_tags(held.row.tags),
        properties=parsed_tags(held.properties),
    )
