"""Copies a version from a workspace to a registry: `import` (azure-ai-ml) and `publish`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from envsync.emulator.service.assets import Assets
from envsync.emulator.service.errors import no_environment, user_error
from envsync.emulator.service.routing import Call
from envsync.emulator.service.world import World
from envsync.emulator.settings import stable_id
from envsync.model.canonical import JSON
from envsync.targets.store.rows import NewVersion, VersionRecord, Written, parsed_tags

_SOURCE = re.compile(
    r"azureml://locations/[^/]+/workspaces/(?P<guid>[^/]+)"
    r"/environments/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
)


def imported(world: World, properties: Mapping[str, JSON]) -> NewVersion:
    """Returns the version that an `import` registers.

    Args:
        world: the workspaces.
        properties: the request's `sourceAssetId`, `destinationName` and `destinationVersion`.

    Raises:
        ServiceError: the source is not the id of a version (400), or does not exist (404).
    """
    source = _source(world, str(properties.get("sourceAssetId", "")))
    return renamed(source, properties.get("destinationName"), properties.get("destinationVersion"))


def renamed(source: VersionRecord, name: JSON, version: JSON) -> NewVersion:
    """Returns a copy of a version with a new name and a new version string.

    Args:
        source: the version to copy.
        name: the new name. If `name` is not a string, the name does not change.
        version: the new version. If `version` is not a string, the version does not change.
    """
    row = source.row
    return NewVersion(
        name if isinstance(name, str) else row.name,
        version if isinstance(version, str) else row.version,
        row.spec,
        description=row.description,
        tags=parsed_tags(row.tags),
        properties=parsed_tags(source.properties),
        extra=json.loads(source.extra),
    )


def write_imported(assets: Assets, call: Call, new: NewVersion) -> None:
    """Registers an imported version in a registry.

    Raises:
        ServiceError: a rule of the service forbids the registration.
    """
    assets.write_version(call, new, Written(new.description, dict(new.tags), dict(new.properties)))


def _source(world: World, asset_id: str) -> VersionRecord:
    match = _SOURCE.fullmatch(asset_id)
    if match is None:
        raise user_error(f"{asset_id!r} is not the id of an environment version in a workspace.")
    # An asset id contains the GUID of the workspace, not its name.
    for workspace, assets in world.workspaces.items():
        if stable_id("workspace", workspace) == match["guid"].lower():
            record = assets.store.record(match["name"], match["version"])
            if record is not None:
                return record
    raise no_environment(match["name"], match["version"])
