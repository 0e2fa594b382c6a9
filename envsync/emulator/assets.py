"""`Assets`: the environments of one workspace or registry, as REST resources.

What may be done is the store's business; here it becomes JSON, pages and statuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from envsync.canonical import JSON
from envsync.emulator import lag, wire
from envsync.emulator.errors import ServiceError, no_environment, refused
from envsync.emulator.paging import is_ascending, page, view_of
from envsync.emulator.routing import Call
from envsync.emulator.settings import Settings
from envsync.targets.refusals import Refused
from envsync.targets.rows import ContainerRecord, NewVersion, VersionRecord, Written, parsed_tags
from envsync.targets.store import Store


@dataclass(frozen=True, slots=True)
class Naming:
    """How resources are called here.

    Attributes:
        base: what every id begins with, without a `/` at its end.
        type_prefix: what every type begins with.
        context_base: where a build context lies that is kept beside the store's file.
    """

    base: str
    type_prefix: str
    context_base: str


class Assets:
    """Reads and writes one store."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], datetime],
        *,
        frozen_metadata: bool = False,
    ) -> None:
        """Reads nothing yet.

        Args:
            store: what is there.
            settings: how the service behaves.
            clock: the current time, with its time zone.
            frozen_metadata: a version's description and tags never change; what would change
                them is accepted.
        """
        self.store = store
        self._settings = settings
        self._clock = clock
        self._started = clock()
        self._frozen_metadata = frozen_metadata

    def get_version(self, call: Call, naming: Naming) -> JSON:
        """One version.

        Raises:
            ServiceError: there is none (404).
        """
        name, version = call.names["name"], call.names["version"]
        record = self.store.record(name, version)
        if record is None:
            raise no_environment(name, version)
        return self._version(record, self._is_hidden(name), call, naming)

    def put_version(self, call: Call, naming: Naming) -> JSON:
        """Registers or changes a version; the version as it is then.

        Raises:
            ServiceError: the service would not take it.
        """
        properties = wire.properties_of(call.body)
        new = wire.new_version(
            call.names["name"],
            call.names["version"],
            properties,
            end_of_life_python=self._settings.end_of_life_python == "accept",
        )
        record = self.write_version(call, self._kept_here(new, naming), wire.written(properties))
        return self._version(record, self._is_hidden(new.name), call, naming)

    def write_version(self, call: Call, new: NewVersion, written: Written) -> VersionRecord:
        """Registers or changes a version that has been read already.

        Raises:
            ServiceError: a rule of the service forbids it.
        """
        held = self.store.record(new.name, new.version)
        try:
            with self.store.changing(_actor(call)) as changes:
                if held is not None and self._frozen_metadata:
                    written = _frozen(held, written)
                return changes.put_version(new, written)
        except Refused as error:
            raise refused(error, self._settings.conflict) from error

    def get_container(self, call: Call, naming: Naming) -> JSON:
        """One container.

        Raises:
            ServiceError: there is none (404).
        """
        name = call.names["name"]
        containers, versions = self.store.records(name)
        if not containers:
            raise no_environment(name)
        return self._container(containers[0], versions, call, naming)

    def put_container(self, call: Call, naming: Naming) -> JSON:
        """Makes or changes a container; the container as it is then.

        Raises:
            ServiceError: a rule of the service forbids it.
        """
        name = call.names["name"]
        written = wire.written(wire.properties_of(call.body))
        try:
            with self.store.changing(_actor(call)) as changes:
                record = changes.put_container(name, written)
        except Refused as error:
            raise refused(error, self._settings.conflict) from error
        return self._container(record, self.store.records(name)[1], call, naming)

    def list_containers(self, call: Call, naming: Naming) -> JSON:
        """A page of containers, by name."""
        containers, versions = self._listed()
        by_name: defaultdict[str, list[VersionRecord]] = defaultdict(list)
        for version in versions:
            by_name[version.row.name].append(version)
        view = view_of(call)
        shown = [item for item in containers if bool(item.archived) in view]
        return page(
            call,
            shown,
            self._settings.page_size,
            lambda item: self._container(item, by_name[item.name], call, naming),
        )

    def list_versions(self, call: Call, naming: Naming) -> JSON:
        """A page of the versions of one name, the newest first unless `$orderBy` says otherwise.

        Raises:
            ServiceError: there is no such name, in a service that answers 404 then.
        """
        name = call.names["name"]
        containers, versions = self._listed(name)
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
            self._settings.page_size,
            lambda item: self._version(item, hidden, call, naming),
        )

    def _listed(self, name: str | None = None) -> tuple[list[ContainerRecord], list[VersionRecord]]:
        containers, versions = self.store.records(name)
        if not self._settings.list_lag_seconds:
            return containers, versions
        at = lag.horizon(self._clock(), self._settings.list_lag_seconds, self._started)
        return lag.as_of(containers, versions, self.store.history_after(at, name), at)

    def _kept_here(self, new: NewVersion, naming: Naming) -> NewVersion:
        """The same, with the digest of a build context that only we know by the address sent."""
        held = self.store.record(new.name, new.version)
        if held is None or held.row.build_context is None:
            return new
        if new.spec.build_uri != _context_uri(held, naming):
            return new
        spec = new.spec._replace(build_uri=None, build_context=held.row.build_context)
        return replace(new, spec=spec)

    def _is_hidden(self, name: str) -> bool:
        containers, _ = self.store.records(name)
        return bool(containers and containers[0].archived)

    def _version(self, record: VersionRecord, hidden: bool, call: Call, naming: Naming) -> JSON:
        row = record.row
        archived = bool(row.archived)
        if self._settings.hidden_versions == "effective":
            archived = archived or hidden
        properties = wire.version_properties(
            record,
            wire.shape_of(call.query.get("api-version", "")),
            archived=archived,
            context_uri=_context_uri(record, naming),
        )
        return {
            "id": f"{naming.base}/environments/{row.name}/versions/{row.version}",
            "name": row.version,
            "type": f"{naming.type_prefix}environments"
            + ("/versions" if naming.type_prefix else ""),
            "properties": properties,
            "systemData": wire.system_data(row.created_at, record.created_by),
        }

    def _container(
        self,
        record: ContainerRecord,
        versions: Sequence[VersionRecord],
        call: Call,
        naming: Naming,
    ) -> JSON:
        active = [item.row.version for item in versions if not item.row.archived]
        shape = wire.shape_of(call.query.get("api-version", ""))
        properties: dict[str, JSON] = {
            "description": record.description,
            "tags": cast("JSON", parsed_tags(record.tags)),
            "properties": cast("JSON", parsed_tags(record.properties)),
            "isArchived": bool(record.archived),
            "latestVersion": active[-1] if active and not record.archived else None,
            "nextVersion": self._next_version(record, versions),
            **({"provisioningState": "Succeeded"} if shape.modern else {}),
        }
        return {
            "id": f"{naming.base}/environments/{record.name}",
            "name": record.name,
            "type": f"{naming.type_prefix}environments",
            "properties": properties,
            "systemData": wire.system_data(record.created_at, record.created_by),
        }

    def _next_version(self, record: ContainerRecord, versions: Sequence[VersionRecord]) -> str:
        if self._settings.next_version == "timestamp":
            # Of the last version, so that it stays while nothing is written.
            newest = versions[-1].row.created_at if versions else record.created_at
            moment = datetime.fromisoformat(newest)
            return f"{moment:%Y-%m-%d-%H-%M-%S}-{moment.microsecond * 10 + 1:07}"
        taken = {item.row.version for item in versions}
        if all(version.isascii() and version.isdecimal() for version in taken):
            return str(max(map(int, taken), default=0) + 1)
        number = len(taken) + 1
        while str(number) in taken:
            number += 1
        return str(number)


def _actor(call: Call) -> str:
    if call.caller is None:
        raise ServiceError(401, "AuthenticationFailed", "Nobody is logged in.")
    return call.caller.client


def _frozen(held: VersionRecord, written: Written) -> Written:
    return replace(
        written,
        description=held.row.description,
        tags=parsed_tags(held.row.tags),
        properties=parsed_tags(held.properties),
    )


def _context_uri(record: VersionRecord, naming: Naming) -> str | None:
    if record.row.build_context is None:
        return record.row.build_uri
    digest = record.row.build_context.removeprefix("sha256:")
    return f"{naming.context_base}/LocalUpload/{digest}/context/"
