"""A workspace's version becomes a registry's, by `import` (azure-ai-ml) or by `publish`."""

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
    """The version that an `import` asks for: that of a workspace, under a name of its own.

    Args:
        world: what there is.
        properties: of the body: `sourceAssetId`, `destinationName` and `destinationVersion`.

    Raises:
        ServiceError: the source is no id of a version (400), or there is none (404).
    """
    source = _source(world, str(properties.get("sourceAssetId", "")))
    return renamed(source, properties.get("destinationName"), properties.get("destinationVersion"))


def renamed(source: VersionRecord, name: JSON, version: JSON) -> NewVersion:
    """A version as a registry gets it; what is no text keeps the source's name or version."""
    row = source.row
    return NewVersion(
        name if isinstance(name, str) else row.name,
        version if isinstance(version, str) else row.version,
        row.spec,
        row.description,
        parsed_tags(row.tags),
        properties=parsed_tags(source.properties),
        extra=json.loads(source.extra),
    )


def write_imported(assets: Assets, call: Call, new: NewVersion) -> None:
    """Registers the version.

    Raises:
        ServiceError: a rule of the service forbids it.
    """
    assets.write_version(call, new, Written(new.description, dict(new.tags), dict(new.properties)))


def _source(world: World, asset_id: str) -> VersionRecord:
    match = _SOURCE.fullmatch(asset_id)
    if match is None:
        raise user_error(f"{asset_id} is no id of a workspace's environment version.")
    for workspace, assets in world.workspaces.items():
        if stable_id("workspace", workspace) == match["guid"].lower():
            record = assets.store.record(match["name"], match["version"])
            if record is not None:
                return record
    raise no_environment(match["name"], match["version"])
