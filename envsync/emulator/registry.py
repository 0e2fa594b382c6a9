"""The endpoints of registries: discovery, assets, uploads, imports and long-running operations."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from envsync.canonical import JSON
from envsync.emulator import storage
from envsync.emulator.assets import Assets
from envsync.emulator.errors import no_environment, no_resource, user_error
from envsync.emulator.resources import Naming
from envsync.emulator.routing import Answer, Call, Endpoint, Handler, endpoint
from envsync.emulator.settings import (
    DISCOVERY_HOST,
    REGISTRY_HOST,
    SUBSCRIPTION_ID,
    TENANT_ID,
    Settings,
    stable_id,
)
from envsync.emulator.wire import properties_of
from envsync.emulator.workspace import LOCATION
from envsync.emulator.world import World
from envsync.targets.rows import NewVersion, VersionRecord, Written, parsed_tags

GROUP = "registries"
"""The resource group that discovery names."""

_DISCOVERY_OF = 2023
"""The last year of recordings in which discovery answers no keys about trade and property."""

_PROVIDER = "Microsoft.MachineLearningServices"
_REGISTRY = (
    "/mferp/managementfrontend/subscriptions/{subscription}/resourceGroups/{group}"
    f"/providers/{_PROVIDER}/registries/{{registry}}"
)
_SOURCE = re.compile(
    r"azureml://locations/[^/]+/workspaces/(?P<guid>[^/]+)"
    r"/environments/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
)

_Ask: TypeAlias = Callable[[Assets, Call, Naming], JSON]


class Registries:
    """Answers for all registries."""

    def __init__(
        self,
        world: World,
        settings: Settings,
        clock: Callable[[], datetime],
        make_container: Callable[[str], None] | None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            world: what there is.
            settings: how it behaves.
            clock: the current time, with its time zone.
            make_container: makes a blob container; None where there is no blob store.
        """
        self._world = world
        self._settings = settings
        self._clock = clock
        self._make_container = make_container
        self._operations: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def endpoints(self) -> Sequence[Endpoint]:
        """Everything that can be asked of registries here."""
        container = f"{_REGISTRY}/environments/{{name}}"
        version = f"{container}/versions/{{version}}"
        assets = "registries/assets"
        discovery = "/registrymanagement/v1.0/registries/{registry}/discovery"
        operation = "/environment/v1.0/operations/{operation}"
        return (
            _at(DISCOVERY_HOST, "GET", discovery, "registries/read", self._discover),
            _at(DISCOVERY_HOST, "GET", operation, f"{assets}/read", self._operation),
            _on(
                "GET",
                f"{_REGISTRY}/environments",
                f"{assets}/read",
                self._reading(Assets.list_containers),
            ),
            _on("GET", container, f"{assets}/read", self._reading(Assets.get_container)),
            _on("PUT", container, f"{assets}/write", self._put_container),
            _on(
                "GET",
                f"{container}/versions",
                f"{assets}/read",
                self._reading(Assets.list_versions),
            ),
            _on("GET", version, f"{assets}/read", self._reading(Assets.get_version)),
            _on("PUT", version, f"{assets}/write", self._put_version),
            _on(
                "PUT",
                f"{_REGISTRY}/tempdatarefs/{{name}}/versions/{{version}}",
                f"{assets}/write",
                self._upload,
            ),
            _on("POST", f"{_REGISTRY}/import", f"{assets}/write", self._import),
        )

    def _discover(self, call: Call) -> Answer:
        name = call.names["registry"]
        self._assets(call)
        known = next(item for item in self._settings.registries if item.lower() == name.lower())
        registry_id = stable_id("registry", name)
        recent = self._settings.as_of is None or self._settings.as_of.year > _DISCOVERY_OF
        newer: dict[str, JSON] = {"intellectualPropertyPublisher": None, "isTradeRestricted": False}
        return Answer(
            {
                **(newer if recent else {}),
                "registryId": registry_id,
                "registryName": known,
                "tenantId": TENANT_ID,
                "primaryRegion": LOCATION,
                "regions": [LOCATION],
                "subscriptionId": SUBSCRIPTION_ID,
                "resourceGroup": GROUP,
                "workspaceName": None,
                "primaryRegionResourceProviderUri": f"https://{REGISTRY_HOST}/",
                "registryFqdns": {
                    LOCATION: {
                        "uri": f"https://{registry_id}.registry.{LOCATION}.privatelink."
                        "api.azureml.ms"
                    }
                },
            }
        )

    def _reading(self, ask: _Ask) -> Handler:
        def handler(call: Call) -> Answer:
            return Answer(ask(self._assets(call), call, _naming(self._settings, call)))

        return handler

    def _put_container(self, call: Call) -> Answer:
        content = self._assets(call).put_container(call, _naming(self._settings, call))
        return Answer(content, 201)

    def _put_version(self, call: Call) -> Answer:
        """202 with `null`, and an operation to ask for (recorded)."""
        self._assets(call).put_version(call, _naming(self._settings, call))
        return self._accepted(call.names["registry"], call.names["name"], call.names["version"])

    def _upload(self, call: Call) -> Answer:
        """A place for an upload; 409 for a version that is there (recorded)."""
        registry, name, version = (call.names[key] for key in ("registry", "name", "version"))
        if self._assets(call).store.record(name, version) is not None:
            raise user_error(
                f"Asset azureml://registries/{registry.lower()}/environments/{name}/versions/"
                f"{version} already exists, cannot create new temporary data references for it",
                status=409,
            )
        container = storage.upload_container(registry, name, version)
        if self._make_container is not None:
            self._make_container(container)
        return Answer(storage.temporary_data_reference(self._settings, container, self._clock()))

    def _import(self, call: Call) -> Answer:
        """`share`: a workspace's version becomes a registry's, under a name of its own."""
        properties = properties_of(call.body)
        source = self._source(str(properties.get("sourceAssetId", "")))
        new = _imported(
            source, properties.get("destinationName"), properties.get("destinationVersion")
        )
        assets = self._assets(call)
        written = Written(new.description, dict(new.tags), dict(new.properties))
        assets.write_version(call, new, written)
        return self._accepted(call.names["registry"], new.name, new.version)

    def _source(self, asset_id: str) -> VersionRecord:
        match = _SOURCE.fullmatch(asset_id)
        if match is None:
            raise user_error(f"{asset_id} is no id of a workspace's environment version.")
        for workspace, assets in self._world.workspaces.items():
            if stable_id("workspace", workspace) == match["guid"].lower():
                record = assets.store.record(match["name"], match["version"])
                if record is not None:
                    return record
        raise no_environment(match["name"], match["version"])

    def _accepted(self, registry: str, name: str, version: str) -> Answer:
        with self._lock:
            operation = f"{registry}_{name}_{version}_{next(self._numbers)}"
            self._operations[operation] = self._settings.operation_polls
        location = f"https://{DISCOVERY_HOST}/environment/v1.0/operations/{operation}"
        headers = {
            "Location": location,
            "x-ms-async-operation-timeout": "PT1H",
            **_waiting(self._settings),
        }
        return Answer(None, 202, headers)

    def _operation(self, call: Call) -> Answer:
        """202 until it is done, then 200, both with an empty body (recorded)."""
        operation = call.names["operation"]
        with self._lock:
            left = self._operations.get(operation)
            if left is None:
                raise user_error(f"There is no operation {operation}.", status=404)
            self._operations[operation] = max(left - 1, 0)
        if left == 0:
            return Answer(empty=True)
        headers = {"Location": call.url, **_waiting(self._settings)}
        return Answer(status=202, headers=headers, empty=True)

    def _assets(self, call: Call) -> Assets:
        name = call.names["registry"]
        assets = self._world.registries.get(name.lower())
        if assets is None:
            raise no_resource("registries", name, call.names.get("group", GROUP))
        return assets


def _waiting(settings: Settings) -> dict[str, str]:
    """How long a client is to wait. HTTP knows whole seconds; Azure's clients, milliseconds too."""
    seconds = settings.retry_after
    if seconds == int(seconds):
        return {"Retry-After": f"{seconds:.0f}"}
    return {"retry-after-ms": f"{seconds * 1000:.0f}"}


def _imported(source: VersionRecord, name: JSON, version: JSON) -> NewVersion:
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


def _naming(settings: Settings, call: Call) -> Naming:
    registry = call.names["registry"].lower()
    return Naming(f"azureml://registries/{registry}", "", settings.blob_endpoint)


def _on(method: str, path: str, permission: str, handler: Handler) -> Endpoint:
    return _at(REGISTRY_HOST, method, path, permission, handler)


def _at(host: str, method: str, path: str, permission: str, handler: Handler) -> Endpoint:
    return endpoint(host, method, path, f"{_PROVIDER}/{permission}", handler)
