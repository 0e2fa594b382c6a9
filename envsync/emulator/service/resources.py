"""Converts the rows of a store to the JSON of Azure ML's REST resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from msgspec import Struct

from envsync.emulator.service.routing import Call
from envsync.emulator.service.shape import Shape, shape_of
from envsync.emulator.service.wire import LABELS
from envsync.emulator.settings import AssetKind, Settings
from envsync.model.canonical import JSON
from envsync.model.environment import ROUTES
from envsync.model.naming import highest_number, is_number
from envsync.targets.store.rows import FIXED_EXTRA, ContainerRecord, VersionRecord, parsed_tags

_ANONYMOUS = "CliV2AnonymousEnvironment"
"""The name of the container of all environments that jobs define inline."""

_LABELS: Mapping[AssetKind, str] = {
    "workspace": "latest",
    "registry": "default,latest,invisibleLatest",
}
"""The labels that the service gives to the newest version, in recordings since 2023-10."""


class Naming(Struct, frozen=True):
    """The parts of ids, types and URLs that depend on the endpoint.

    Attributes:
        base: the beginning of every id, without `/` at the end.
        type_prefix: the beginning of every type. `type_prefix` is empty on a registry's own host.
        context_base: the beginning of the URL of a build context in the store.
    """

    base: str
    type_prefix: str
    context_base: str


class Resources(Struct, frozen=True):
    """The resources of one workspace or registry.

    Attributes:
        settings: the behaviour of the service.
        kind: `workspace` or `registry`.
    """

    settings: Settings
    kind: AssetKind

    def version(
        self,
        record: VersionRecord,
        versions: Sequence[VersionRecord],
        *,
        hidden: bool,
        call: Call,
        naming: Naming,
    ) -> JSON:
        """Returns the resource of a version.

        Args:
            record: the version.
            versions: all versions of the same name, in order of creation.
            hidden: whether the container is archived.
            call: the request.
            naming: ids, types and URLs of the endpoint.
        """
        row = record.row
        archived = bool(row.archived)
        if self.settings.hidden_versions == "effective":
            archived = archived or hidden
        newest = bool(versions) and versions[-1].row.version == row.version
        properties = _version_properties(
            record,
            shape_of(call.query.get("api-version", ""), self.settings.as_of),
            archived=archived,
            context_uri=context_uri(record, naming),
            labels=_LABELS[self.kind] if newest else "",
            # In a recording of 2026-05, a registry shows the stage `Archived`. No recording shows
            # the stage of an archived version in a workspace.
            stage="Archived" if archived and self.kind == "registry" else None,
            numbers=self.settings.numeric_tags == "number",
        )
        return {
            "id": f"{naming.base}/environments/{row.name}/versions/{row.version}",
            "name": row.version,
            "type": f"{naming.type_prefix}environments"
            + ("/versions" if naming.type_prefix else ""),
            "properties": properties,
            "systemData": self._system_data(
                (row.created_at, record.created_by), (row.modified_at, row.modified_by)
            ),
        }

    def container(
        self,
        record: ContainerRecord,
        versions: Sequence[VersionRecord],
        *,
        archived: bool,
        call: Call,
        naming: Naming,
    ) -> JSON:
        """Returns the resource of a container.

        Args:
            record: the container.
            versions: the versions of the container, in order of creation.
            archived: the value of `isArchived`. `archived` does not affect `latestVersion`.
            call: the request.
            naming: ids, types and URLs of the endpoint.
        """
        active = [item.row.version for item in versions if not item.row.archived]
        shape = shape_of(call.query.get("api-version", ""), self.settings.as_of)
        # The label `latest` refers to the version that was created last, and the rows are in order
        # of creation.
        latest = active[-1] if active else None
        properties: dict[str, JSON] = {
            "description": record.description or "",
            "tags": cast("JSON", parsed_tags(record.tags)),
            "properties": cast("JSON", parsed_tags(record.properties)),
            "isArchived": archived,
            "latestVersion": "0" if record.name == _ANONYMOUS else latest,
            "nextVersion": self._next_version(record, versions),
            **({"provisioningState": "Succeeded"} if shape.rebuild else {}),
        }
        # As in recordings of 2022-09, the id of a container ends with `/versions/latest` only on a
        # registry's own host.
        suffix = "" if naming.type_prefix else "/versions/latest"
        return {
            "id": f"{naming.base}/environments/{record.name}{suffix}",
            "name": record.name,
            "type": f"{naming.type_prefix}environments",
            "properties": properties,
            "systemData": self._system_data(
                (record.created_at, record.created_by), (record.modified_at, record.modified_by)
            ),
        }

    def _system_data(self, created: tuple[str, str], modified: tuple[str, str]) -> JSON:
        """Returns the `systemData` of a resource.

        As in recorded responses, `systemData` shows only the creation. If `Settings.system_data`
        is `updated`, `systemData` also shows the last write.

        Args:
            created: the time and the actor of the creation.
            modified: the time and the actor of the last write.
        """
        updated = self.settings.system_data == "updated"
        return system_data(*created, *(modified if updated else created))

    def _next_version(self, record: ContainerRecord, versions: Sequence[VersionRecord]) -> str:
        """Returns `nextVersion`, which is a number or, depending on the settings, a timestamp.

        The number is one more than the highest version. The number is 1 if the newest version is
        not a number.

        As in recorded responses, a version with this number can already exist.
        """
        if self.settings.next_version == "timestamp":
            # The time of the last version is used, not the current time, because two GETs without a
            # write in between must return the same value.
            newest = versions[-1].row.created_at if versions else record.created_at
            moment = datetime.fromisoformat(newest)
            return f"{moment:%Y-%m-%d-%H-%M-%S}-{moment.microsecond * 10 + 1:07}"
        newest = versions[-1].row.version if versions else ""
        if record.name == _ANONYMOUS or not is_number(newest):
            return "1"
        return str(highest_number(item.row.version for item in versions) + 1)


def context_uri(record: VersionRecord, naming: Naming) -> str | None:
    """Returns the URL of a version's build context, or None if it has no build context."""
    if record.row.build_context is None:
        return record.row.build_uri
    digest = record.row.build_context.removeprefix("sha256:")
    return f"{naming.context_base}/LocalUpload/{digest}/context/"


def system_data(
    created_at: str, created_by: str, modified_at: str | None = None, modified_by: str | None = None
) -> dict[str, JSON]:
    """Returns the `systemData` of a resource.

    If `modified_at` or `modified_by` is None, the last write has the value of the creation.
    """
    return {
        "createdAt": created_at,
        "createdBy": created_by,
        "createdByType": "User",
        "lastModifiedAt": modified_at or created_at,
        "lastModifiedBy": modified_by or created_by,
        "lastModifiedByType": "User",
    }


def _version_properties(
    record: VersionRecord,
    shape: Shape,
    *,
    archived: bool,
    context_uri: str | None,
    labels: str,
    stage: str | None,
    numbers: bool,
) -> dict[str, JSON]:
    """Returns the `properties` of a version's resource, in the order of recorded responses.

    Args:
        record: the version.
        shape: the optional keys that responses of the requested API version have.
        archived: the value of `isArchived`.
        context_uri: the URL of the version's build context, or None.
        labels: the labels of the version, separated by commas.
        stage: the value of `stage`. If `stage` is None, the resource has the stored value.
        numbers: whether tags that were sent as numbers are returned as numbers.
    """
    row, extra = record.row, json.loads(record.extra)
    tags = cast("dict[str, JSON]", parsed_tags(row.tags))
    if numbers:
        # Tags are stored as strings. `extra` contains the keys of the tags that were sent as
        # numbers.
        tags |= {key: json.loads(str(tags[key])) for key in extra.get("numbers", ()) if key in tags}
    properties = cast("dict[str, JSON]", parsed_tags(record.properties))
    if shape.labels:
        properties[LABELS] = labels
    # The service keeps the keys of a conda file in their order, so `extra` contains the original
    # text. The column `conda_file` is canonical JSON with sorted keys. Versions from a local target
    # have only this column.
    conda = extra.get("condaFile")
    if conda is None:
        conda = "" if row.conda_file is None else json.dumps(json.loads(row.conda_file), indent=2)
    optional: dict[str, JSON] = {"image": row.image, "condaFile": conda}
    if context_uri is not None:
        optional["build"] = {"contextUri": context_uri, "dockerfilePath": row.dockerfile_path}
    # Keys are added in the order of recorded responses.
    optional["osType"] = row.os_type
    if row.inference_config is not None:
        routes = json.loads(row.inference_config)
        optional["inferenceConfig"] = {
            key: {"port": routes[name]["port"], "path": routes[name]["path"]}
            for name, key in ROUTES.items()
        }
    return {
        "description": row.description,
        "tags": tags,
        "properties": properties,
        "isArchived": archived,
        "isAnonymous": extra.get("isAnonymous", False),
        **({"autoDeleteSetting": None} if shape.deletion else {}),
        "environmentType": "Curated" if row.curated else "UserCreated",
        **{key: value for key, value in optional.items() if value is not None},
        **(_rebuild(extra) if shape.rebuild else {}),
        **({"stage": stage or extra.get("stage", "Development")} if shape.stage else {}),
        **({"intellectualProperty": None} if shape.property else {}),
    }


def _rebuild(extra: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        "autoRebuild": extra.get("autoRebuild", FIXED_EXTRA["autoRebuild"]),
        "provisioningState": "Succeeded",
    }
