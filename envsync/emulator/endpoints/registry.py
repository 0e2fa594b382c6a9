"""The endpoints of registries: discovery, assets, uploads, imports and long-running operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from envsync.emulator.endpoints.workspace import LOCATION
from envsync.emulator.service import storage
from envsync.emulator.service.assets import Assets
from envsync.emulator.service.deleting import deleted
from envsync.emulator.service.errors import no_resource, user_error
from envsync.emulator.service.operations import TIMEOUT, Operations
from envsync.emulator.service.resources import Naming
from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, endpoint
from envsync.emulator.service.sharing import imported, write_imported
from envsync.emulator.service.wire import properties_of
from envsync.emulator.service.world import World
from envsync.emulator.settings import (
    DISCOVERY_HOST,
    REGISTRY_HOST,
    SUBSCRIPTION_ID,
    TENANT_ID,
    Settings,
    stable_id,
)
from envsync.model.canonical import JSON

GROUP = "registries"
"""The resource group that discovery names."""

_DISCOVERY_OF = 2023
"""The last year of recordings in which discovery answers no keys about trade and property."""

_PROVIDER = "Microsoft.MachineLearningServices"
_REGISTRY = (
    "/mferp/managementfrontend/subscriptions/{subscription}/resourceGroups/{group}"
    f"/providers/{_PROVIDER}/registries/{{registry}}"
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
        operations: Operations,
    ) -> None:
        """Nothing is asked yet.

        Args:
            world: what there is.
            settings: how it behaves.
            clock: the current time, with its time zone.
            make_container: makes a blob container; None where there is no blob store.
            operations: those that take their time.
        """
        self._world = world
        self._settings = settings
        self._clock = clock
        self._make_container = make_container
        self._operations = operations

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
            _on("DELETE", container, f"{assets}/delete", self._delete),
            _on("DELETE", version, f"{assets}/delete", self._delete),
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
        new = imported(self._world, properties)
        write_imported(self._assets(call), call, new)
        return self._accepted(call.names["registry"], new.name, new.version)

    def _accepted(self, registry: str, name: str, version: str) -> Answer:
        operation = self._operations.begin(registry, name, version)
        location = f"https://{DISCOVERY_HOST}/environment/v1.0/operations/{operation}"
        headers = {"Location": location, **TIMEOUT, **self._operations.waiting()}
        return Answer(None, 202, headers)

    def _operation(self, call: Call) -> Answer:
        """202 until it is done, then 200, both with an empty body (recorded)."""
        if self._operations.is_done(call.names["operation"]):
            return Answer(empty=True)
        headers = {"Location": call.url, **self._operations.waiting()}
        return Answer(status=202, headers=headers, empty=True)

    def _delete(self, call: Call) -> Answer:
        return deleted(self._assets(call), call)

    def _assets(self, call: Call) -> Assets:
        return registry_assets(self._world, call)


def registry_assets(world: World, call: Call) -> Assets:
    """The registry that a path names.

    Raises:
        ServiceError: there is no such registry (404).
    """
    name = call.names["registry"]
    assets = world.registries.get(name.lower())
    if assets is None:
        raise no_resource("registries", name, call.names.get("group", GROUP))
    return assets


def _naming(settings: Settings, call: Call) -> Naming:
    registry = call.names["registry"].lower()
    return Naming(f"azureml://registries/{registry}", "", settings.blob_endpoint)


def _on(method: str, path: str, permission: str, handler: Handler) -> Endpoint:
    return _at(REGISTRY_HOST, method, path, permission, handler)


def _at(host: str, method: str, path: str, permission: str, handler: Handler) -> Endpoint:
    return endpoint(host, method, path, f"{_PROVIDER}/{permission}", handler)
