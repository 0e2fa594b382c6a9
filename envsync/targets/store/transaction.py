"""`Transaction`: changes a store under the rules of the Azure ML service.

The local target and the emulator share these rules. The local target makes one kind of change at a
time. In the emulator, a single PUT can create, update, archive or restore a version.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import cast

from envsync.model.canonical import JSON, canonical_json
from envsync.model.history import HistoryAction
from envsync.model.provenance import OWNER_TAG
from envsync.targets import refusals
from envsync.targets.store import queries, rules
from envsync.targets.store.behaviour import Behaviour
from envsync.targets.store.rows import (
    ContainerRecord,
    ContainerRow,
    NewVersion,
    Snapshot,
    VersionRecord,
    Written,
    mutable_state,
    parsed_tags,
)
from envsync.targets.store.writer import Writer


class Transaction:
    """Makes changes within one transaction, which the caller begins and commits.

    A forbidden change raises `RuleViolation`. A change without effect writes nothing, not even to
    the history.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, at: str, actor: str, behaviour: Behaviour
    ) -> None:
        """Creates an object that has made no changes yet. Writes nothing.

        Args:
            connection: a connection in a write transaction.
            at: the time of the changes, ISO 8601 in UTC.
            actor: the user that the history shows for each change.
            behaviour: the store's behaviour in cases that the service's documentation omits.
        """
        self._connection = connection
        self._stamp = (at, actor)
        self._writer = Writer(connection, self._stamp, behaviour)
        self._behaviour = behaviour

    def snapshot(self, name: str) -> Snapshot:
        """Returns one container with its versions and build contexts."""
        return queries.snapshot_of(self._connection, name)

    def register(self, new: NewVersion, held: Snapshot, *, curated: bool = False) -> None:
        """Registers a version and its container. Does nothing if the version is registered.

        Args:
            new: the version.
            held: the `snapshot` of the container.
            curated: whether the version belongs to the service.

        Raises:
            RuleViolation: the version exists with another spec or owner, or the environment is
                curated, so no version can be added.
        """
        row = next((row for row in held.versions if row.version == new.version), None)
        if row is None:
            self._create(new, next(iter(held.containers), None), curated=curated)
        else:
            rules.check_same(row, new)

    def _create(
        self,
        new: NewVersion,
        container: ContainerRow | None,
        *,
        archived: bool = False,
        curated: bool = False,
    ) -> None:
        at, actor = self._stamp
        if container is None:
            owner = new.owner if self._behaviour.inherit_owner else None
            queries.add_container(self._connection, new.name, at=at, actor=actor, owner=owner)
        elif not curated and queries.has_curated(self._connection, new.name):
            raise refusals.curated(new.name)
        else:
            self._writer.inherit(new.name, new.owner)
        # A new version of an archived container is archived from the start (documentation,
        # "Archive"). It is archived separately, so it stays archived when the container is
        # restored.
        born = archived or (container is not None and bool(container.archived))
        queries.insert(self._connection, new, archived=born, curated=curated, at=at, actor=actor)
        state = mutable_state(new.description, new.tags, born)
        after: dict[str, JSON] = {"spec": new.spec.document(), **state}
        self._writer.record("create", new.name, new.version, before=None, after=after)

    def put_version(self, new: NewVersion, written: Written) -> VersionRecord:
        """Registers a version or writes its mutable fields, and returns the resulting version.

        Raises:
            RuleViolation: a rule of the service forbids the write.
        """
        found = queries.records(self._connection, new.name, new.version)
        if not found:
            rules.check_new(new)
            container = queries.find_container(self._connection, new.name)
            self._create(new, container, archived=written.archived)
        else:
            self._update_record(found[0], new, written)
        return queries.records(self._connection, new.name, new.version)[0]

    def update(
        self,
        name: str,
        version: str,
        description: str | None,
        tags: Mapping[str, str],
        *,
        restore: bool = False,
    ) -> None:
        """Replaces description and tags, and restores the version if `restore` is True.

        Raises:
            RuleViolation: the version does not exist or is curated, or `restore` is True although
                the container is archived.
        """
        row = self._writer.changeable(name, version)
        if restore and queries.container(self._connection, name).archived:
            raise refusals.hidden(name, version)
        self._writer.write(
            row,
            description=description,
            tags=dict(tags),
            archived=bool(row.archived) and not restore,
        )

    def archive_version(self, name: str, version: str, archived: bool) -> None:
        """Archives or restores one version.

        Raises:
            RuleViolation: the version does not exist or is curated, or its archived container
                forbids the change (documentation, "Archive").
        """
        row = self._writer.changeable(name, version)
        if queries.container(self._connection, name).archived and not archived:
            raise refusals.hidden(name, version)
        self._writer.check_hidden(row, archived)
        self._writer.write(
            row, description=row.description, tags=parsed_tags(row.tags), archived=archived
        )

    def archive_container(self, name: str, archived: bool) -> None:
        """Archives or restores a container.

        Archiving a container hides all its versions, but does not change the flags of the versions.
        `Behaviour.restore` decides whether restoring a container also restores versions that were
        archived separately.

        Raises:
            RuleViolation: the container does not exist or is curated.
        """
        container = queries.container(self._connection, name)
        if queries.has_curated(self._connection, name):
            raise refusals.curated(name)
        if container.archived == archived:
            return
        self._connection.execute(
            "UPDATE containers SET archived = ?, modified_at = ?, modified_by = ? WHERE name = ?",
            (archived, *self._stamp, name),
        )
        action: HistoryAction = "archive" if archived else "restore"
        before: dict[str, JSON] = {"archived": bool(container.archived)}
        self._writer.record(action, name, None, before=before, after={"archived": archived})
        if not archived and self._behaviour.restore == "all":
            for found in queries.records(self._connection, name):
                row = found.row
                self._writer.write(row, row.description, parsed_tags(row.tags), archived=False)

    def put_container(self, name: str, written: Written) -> ContainerRecord:
        """Creates a container or writes its mutable fields, and returns the resulting container.

        Raises:
            RuleViolation: the name is malformed or reserved, the container is curated, or
                `Behaviour` refuses tags on containers.
        """
        if written.tags and self._behaviour.container_tags == "refuse":
            # This error message is the service's own message:
            # https://github.com/Azure/bicep-types-az/issues/2594
            raise refusals.RuleViolation("content", "Tags are not supported.")
        if not queries.container_records(self._connection, name):
            refusals.check_name(name)
            queries.add_container(self._connection, name, *self._stamp)
            self._writer.record("create", name, None, before=None, after={"archived": False})
        if queries.has_curated(self._connection, name):
            raise refusals.curated(name)
        self._describe_container(name, written)
        self.archive_container(name, written.archived)
        return queries.container_records(self._connection, name)[0]

    def _describe_container(self, name: str, written: Written) -> None:
        held = queries.container_records(self._connection, name)[0]
        tags = parsed_tags(held.tags)
        if self._behaviour.container_tags == "keep":
            tags = self._behaviour.resulting(tags, written.tags)
        properties = parsed_tags(held.properties)
        if written.properties is not None:
            properties = written.properties
        description = self._described(held.description, written)
        before = {"description": held.description, "tags": parsed_tags(held.tags)}
        after = {"description": description, "tags": tags}
        if before == after and parsed_tags(held.properties) == properties:
            return
        written_tags = canonical_json(dict(tags))
        written_properties = canonical_json(dict(properties))
        self._connection.execute(
            "UPDATE containers SET description = ?, tags = ?, owner = ?, properties = ?,"
            " modified_at = ?, modified_by = ? WHERE name = ?",
            (
                description,
                written_tags,
                tags.get(OWNER_TAG),
                written_properties,
                *self._stamp,
                name,
            ),
        )
        self._writer.record(
            "update", name, None, before=cast("JSON", before), after=cast("JSON", after)
        )

    def _update_record(self, found: VersionRecord, new: NewVersion, written: Written) -> None:
        row = found.row
        if row.curated:
            raise refusals.curated(f"{new.name}:{new.version}")
        rules.check_fixed(row, new)
        rules.check_fixed_extra(found, new)
        self._writer.check_hidden(row, written.archived)
        tags = self._behaviour.resulting(parsed_tags(row.tags), written.tags)
        self._writer.write(
            row,
            description=self._described(row.description, written),
            tags=tags,
            archived=written.archived,
        )
        self._write_rest(found, written)

    def _write_rest(self, found: VersionRecord, written: Written) -> None:
        properties = found.properties
        if written.properties is not None:
            properties = canonical_json(dict(written.properties))
        rest = json.loads(found.extra)
        if written.stage is not None:
            rest["stage"] = written.stage
        # The store keeps tag values as text. `numbers` contains the keys of the tags that were sent
        # as numbers, so that the emulator can return numbers again.
        if written.tags is not None and (written.numbers or "numbers" in rest):
            rest["numbers"] = sorted(written.numbers)
        extra = json.dumps(rest)
        if (properties, extra) != (found.properties, found.extra):
            self._connection.execute(
                "UPDATE versions SET properties = ?, extra = ? WHERE name = ? AND version = ?",
                (properties, extra, found.row.name, found.row.version),
            )

    def _described(self, held: str | None, written: Written) -> str | None:
        if written.description is not None:
            return written.description
        return held if self._behaviour.omitted == "keep" else None
