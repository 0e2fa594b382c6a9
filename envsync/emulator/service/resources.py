"""What the service answers: a store's rows as the JSON of Azure ML's REST resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from envsync.emulator.service.routing import Call
from envsync.emulator.service.shape import Shape, shape_of
from envsync.emulator.service.wire import LABELS
from envsync.emulator.settings import AssetKind, Settings
from envsync.model.canonical import JSON
from envsync.model.environment import ROUTES
from envsync.model.naming import highest_number, is_number
from envsync.targets.store.rows import FIXED_EXTRA, ContainerRecord, VersionRecord, parsed_tags

_ANONYMOUS = "CliV2AnonymousEnvironment"
"""The container of the environments that jobs bring with them."""

_LABELS: Mapping[AssetKind, str] = {
    "workspace": "latest",
    "registry": "default,latest,invisibleLatest",
}
"""The service's labels for the newest version (recorded since 2023-10)."""


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


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of one workspace or registry.

    Attributes:
        settings: how the service behaves.
        kind: whether this is a workspace or a registry.
    """

    settings: Settings
    kind: AssetKind

    def version(
        self,
        record: VersionRecord,
        versions: Sequence[VersionRecord],
        hidden: bool,
        call: Call,
        naming: Naming,
    ) -> JSON:
        """A version's resource; `versions` are all of its name, in order of creation."""
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
            # A registry shows the stage Archived (recorded in 2026-05). What a workspace shows was
            # never recorded.
            stage="Archived" if archived and self.kind == "registry" else None,
            numbers=self.settings.numeric_tags == "number",
        )
        return {
            "id": f"{naming.base}/environments/{row.name}/versions/{row.version}",
            "name": row.version,
            "type": f"{naming.type_prefix}environments"
            + ("/versions" if naming.type_prefix else ""),
            "properties": properties,
            "systemData": system_data(row.created_at, record.created_by),
        }

    def container(
        self,
        record: ContainerRecord,
        versions: Sequence[VersionRecord],
        archived: bool,
        call: Call,
        naming: Naming,
    ) -> JSON:
        """A container's resource, said to be archived or not. It keeps its latest version then."""
        active = [item.row.version for item in versions if not item.row.archived]
        shape = shape_of(call.query.get("api-version", ""), self.settings.as_of)
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
        # By a registry's own host (recorded in 2022-09); by the resource manager there is none.
        suffix = "" if naming.type_prefix else "/versions/latest"
        return {
            "id": f"{naming.base}/environments/{record.name}{suffix}",
            "name": record.name,
            "type": f"{naming.type_prefix}environments",
            "properties": properties,
            "systemData": system_data(record.created_at, record.created_by),
        }

    def _next_version(self, record: ContainerRecord, versions: Sequence[VersionRecord]) -> str:
        """What the service would call the next version; it may be there already (recorded)."""
        if self.settings.next_version == "timestamp":
            # Of the last version, so that it stays while nothing is written.
            newest = versions[-1].row.created_at if versions else record.created_at
            moment = datetime.fromisoformat(newest)
            return f"{moment:%Y-%m-%d-%H-%M-%S}-{moment.microsecond * 10 + 1:07}"
        newest = versions[-1].row.version if versions else ""
        if record.name == _ANONYMOUS or not is_number(newest):
            return "1"
        return str(highest_number(item.row.version for item in versions) + 1)


def context_uri(record: VersionRecord, naming: Naming) -> str | None:
    """Where a version's build context lies; None where it has none."""
    if record.row.build_context is None:
        return record.row.build_uri
    digest = record.row.build_context.removeprefix("sha256:")
    return f"{naming.context_base}/LocalUpload/{digest}/context/"


def system_data(created_at: str, created_by: str) -> dict[str, JSON]:
    """Who made a resource, and when. The service shows no later change (recordings)."""
    return {
        "createdAt": created_at,
        "createdBy": created_by,
        "createdByType": "User",
        "lastModifiedAt": created_at,
        "lastModifiedBy": created_by,
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
    """The `properties` of a version's resource, in the order of recorded answers.

    Args:
        record: the version.
        shape: which keys the client's API version has.
        archived: the state that it is shown in.
        context_uri: where its build context lies, if it has one.
        labels: the labels that the service gives it.
        stage: where in its life it is shown to be; None: as it is kept.
        numbers: whether tags that were sent as numbers are shown as numbers.
    """
    row, extra = record.row, json.loads(record.extra)
    tags = cast("dict[str, JSON]", parsed_tags(row.tags))
    if numbers:
        tags |= {key: json.loads(str(tags[key])) for key in extra.get("numbers", ()) if key in tags}
    properties = cast("dict[str, JSON]", parsed_tags(record.properties))
    if shape.labels:
        properties[LABELS] = labels
    conda = extra.get("condaFile")
    if conda is None:
        conda = "" if row.conda_file is None else json.dumps(json.loads(row.conda_file), indent=2)
    optional: dict[str, JSON] = {"image": row.image, "condaFile": conda}
    if context_uri is not None:
        optional["build"] = {"contextUri": context_uri, "dockerfilePath": row.dockerfile_path}
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
