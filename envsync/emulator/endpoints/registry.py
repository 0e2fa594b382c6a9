"""The endpoints that azure-ai-ml uses for registries, on hosts that serve only registries.

The endpoints serve discovery, assets, uploads, imports and long-running operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from envsync.emulator.service import storage
from envsync.emulator.service.assets import Assets
from envsync.emulator.service.deleting import deleted
from envsync.emulator.service.errors import no_resource, user_error
from envsync.emulator.service.operations import TIMEOUT, Operations
from envsync.emulator.service.resources import Naming
from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, ProviderEndpoints
from envsync.emulator.service.sharing import imported, write_imported
from envsync.emulator.service.wire import properties_of
from envsync.emulator.service.world import World
from envsync.emulator.settings import (
    DISCOVERY_HOST,
    LOCATION,
    PROVIDER,
    REGISTRY_HOST,
    SUBSCRIPTION_ID,
    TENANT_ID,
    FaultKind,
    Settings,
    stable_id,
)
from envsync.model.canonical import JSON

GROUP = "registries"
"""The resource group of all registries, as discovery returns it."""

_LAST_SHORT_DISCOVERY = 2023
"""Up to this year, recordings of discovery lack `intellectualPropertyPublisher` and
`isTradeRestricted`."""

_REGISTRY = (
    "/mferp/managementfrontend/subscriptions/{subscription}/resourceGroups/{group}"
    f"/providers/{PROVIDER}/registries/{{registry}}"
)
_Operation: TypeAlias = Callable[[Assets, Call, Naming], JSON]


class Registries:
    """The handlers for all registries."""

    def __init__(
        self,
        world: World,
        *,
        settings: Settings,
        clock: Callable[[], datetime],
        make_container: Callable[[str], None] | None,
        operations: Operations,
    ) -> None:
        """Creates the handlers.

        Args:
            world: the registries and workspaces.
            settings: the behaviour of the service.
            clock: a function that returns the current time with its time zone.
            make_container: a function that creates a blob container. If None, no containers are
                created.
            operations: the long-running operations.
        """
        self._world = world
        self._settings = settings
        self._clock = clock
        self._make_container = make_container
        self._operations = operations

    def endpoints(self) -> Sequence[Endpoint]:
        """Returns the endpoints for discovery, environments, uploads and operations."""
        discovery_host = ProviderEndpoints(DISCOVERY_HOST, PROVIDER)
        at = ProviderEndpoints(REGISTRY_HOST, PROVIDER)
        listed = f"{_REGISTRY}/environments"
        container = f"{listed}/{{name}}"
        versions = f"{container}/versions"
        version = f"{versions}/{{version}}"
        assets = "registries/assets"
        discovery = "/registrymanagement/v1.0/registries/{registry}/discovery"
        operation = "/environment/v1.0/operations/{operation}"
        upload = f"{_REGISTRY}/tempdatarefs/{{name}}/versions/{{version}}"
        reading = self._reading
        return (
            discovery_host.get(discovery, "registries/read", self._discover),
            discovery_host.get(operation, f"{assets}/read", self._operation),
            at.get(listed, f"{assets}/read", reading(Assets.list_containers)),
            at.get(container, f"{assets}/read", reading(Assets.get_container)),
            at.put(container, f"{assets}/write", self._put_container),
            at.get(versions, f"{assets}/read", reading(Assets.list_versions)),
            at.get(version, f"{assets}/read", reading(Assets.get_version)),
            at.put(version, f"{assets}/write", self._put_version),
            at.delete(container, f"{assets}/delete", self._delete),
            at.delete(version, f"{assets}/delete", self._delete),
            at.put(upload, f"{assets}/write", self._upload),
            at.post(f"{_REGISTRY}/import", f"{assets}/write", self._import),
        )

    def _discover(self, call: Call) -> Answer:
        name = call.names["registry"]
        self._assets(call)
        # Discovery returns the name in its original upper and lower case, even if the request
        # contains the name in another case.
        known = next(item for item in self._settings.registries if item.lower() == name.lower())
        registry_id = stable_id("registry", name)
        recent = self._settings.as_of is None or self._settings.as_of.year > _LAST_SHORT_DISCOVERY
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

    def _reading(self, operation: _Operation) -> Handler:
        def handler(call: Call) -> Answer:
            return Answer(operation(self._assets(call), call, _naming(self._settings, call)))

        return handler

    def _put_container(self, call: Call) -> Answer:
        content = self._assets(call).put_container(call, _naming(self._settings, call))
        return Answer(content, 201)

    def _put_version(self, call: Call) -> Answer:
        """Writes a version.

        As in recorded responses, starts an operation and returns 202 with the body `null`.
        """
        # The version is already registered. Clients still wait until the operation is done, as with
        # Azure ML.
        if call.fault is None:
            self._assets(call).put_version(call, _naming(self._settings, call))
        registry, name, version = (call.names[key] for key in ("registry", "name", "version"))
        return self._accepted(registry, name, version, fault=call.fault)

    def _upload(self, call: Call) -> Answer:
        """Returns the URL for an upload, or the recorded error 409 if the version exists."""
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
        settings = storage.signing(self._settings, refused=call.fault == "refuse-upload")
        return Answer(storage.temporary_data_reference(settings, container, self._clock()))

    def _import(self, call: Call) -> Answer:
        """Copies a version from a workspace to the registry.

        The method `share` of azure-ai-ml sends this request.
        """
        properties = properties_of(call.body)
        # The source can be in any workspace of the emulator.
        new = imported(self._world, properties)
        write_imported(self._assets(call), call, new)
        return self._accepted(call.names["registry"], new.name, new.version)

    def _accepted(
        self, registry: str, name: str, version: str, fault: FaultKind | None = None
    ) -> Answer:
        operation = self._operations.begin(registry, name, version, fault=fault)
        location = f"https://{DISCOVERY_HOST}/environment/v1.0/operations/{operation}"
        headers = {"Location": location, **TIMEOUT, **self._operations.waiting()}
        return Answer(None, 202, headers)

    def _operation(self, call: Call) -> Answer:
        """Returns 202 until the operation is done, then 200.

        Neither response has a body, as in recorded responses.
        """
        if self._operations.is_done(call.names["operation"]):
            return Answer(empty=True)
        headers = {"Location": call.url, **self._operations.waiting()}
        return Answer(status=202, headers=headers, empty=True)

    def _delete(self, call: Call) -> Answer:
        return deleted(self._assets(call), call)

    def _assets(self, call: Call) -> Assets:
        return registry_assets(self._world, call)


def registry_assets(world: World, call: Call) -> Assets:
    """Returns the assets of the registry in the path.

    Raises:
        ServiceError: the registry does not exist (404).
    """
    name = call.names["registry"]
    assets = world.registries.get(name.lower())
    if assets is None:
        raise no_resource("registries", name, call.names.get("group", GROUP))
    return assets


def _naming(settings: Settings, call: Call) -> Naming:
    registry = call.names["registry"].lower()
    return Naming(f"azureml://registries/{registry}", "", settings.blob_endpoint)
