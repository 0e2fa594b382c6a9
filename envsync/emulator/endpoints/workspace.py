"""The endpoints for workspaces on the resource manager's host.

A workspace exists in every subscription and resource group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from envsync.emulator.service import storage
from envsync.emulator.service.assets import Assets
from envsync.emulator.service.deleting import deleted
from envsync.emulator.service.errors import no_resource
from envsync.emulator.service.resources import Naming, system_data
from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, ProviderEndpoints
from envsync.emulator.service.world import World
from envsync.emulator.settings import (
    LOCATION,
    MANAGEMENT_HOST,
    PROVIDER,
    TENANT_ID,
    Settings,
    stable_id,
)
from envsync.model.canonical import JSON

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_WORKSPACE = f"{_GROUP}/providers/{PROVIDER}/workspaces/{{workspace}}"
# The store does not record when a workspace was created. Every workspace has this constant time, so
# that responses are the same on every run.
_EPOCH = "2024-01-01T00:00:00.000000+00:00"

_Operation: TypeAlias = Callable[[Assets, Call, Naming], JSON]


class Workspaces:
    """The handlers for all workspaces."""

    def __init__(self, world: World, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._world = world
        self._settings = settings
        self._clock = clock

    def endpoints(self) -> Sequence[Endpoint]:
        """Returns the endpoints for workspaces, datastores and environments."""
        at = ProviderEndpoints(MANAGEMENT_HOST, PROVIDER)
        listed = f"{_WORKSPACE}/environments"
        container = f"{listed}/{{name}}"
        versions = f"{container}/versions"
        version = f"{versions}/{{version}}"
        store = f"{_WORKSPACE}/datastores"
        assets = "workspaces/environments"
        reading, writing = self._reading, self._writing
        secrets = "workspaces/datastores/listSecrets/action"
        return (
            at.get(_WORKSPACE, "workspaces/read", self._workspace),
            at.get(store, "workspaces/datastores/read", self._datastores),
            at.get(f"{store}/{{datastore}}", "workspaces/datastores/read", self._datastore),
            at.post(f"{store}/{{datastore}}/listSecrets", secrets, self._secrets),
            at.get(listed, f"{assets}/read", reading(Assets.list_containers)),
            at.get(container, f"{assets}/read", reading(Assets.get_container)),
            at.put(container, f"{assets}/write", writing(Assets.put_container)),
            at.get(versions, f"{assets}/versions/read", reading(Assets.list_versions)),
            at.get(version, f"{assets}/versions/read", reading(Assets.get_version)),
            at.put(version, f"{assets}/versions/write", writing(Assets.put_version)),
            at.delete(container, f"{assets}/delete", self._delete),
            at.delete(version, f"{assets}/versions/delete", self._delete),
        )

    def _reading(self, operation: _Operation) -> Handler:
        def handler(call: Call) -> Answer:
            return Answer(operation(self._assets(call), call, self._naming(call)))

        return handler

    def _writing(self, operation: _Operation) -> Handler:
        """Returns the handler of a PUT.

        The handler returns 201 and the URL of the resource, whether or not the resource is new.
        The recorded responses of the service do the same.
        """

        def handler(call: Call) -> Answer:
            content = operation(self._assets(call), call, self._naming(call))
            return Answer(content, 201, {"Location": call.versioned_url})

        return handler

    def _delete(self, call: Call) -> Answer:
        return deleted(self._assets(call), call)

    def _assets(self, call: Call) -> Assets:
        assets = self._world.workspaces.get(call.names["workspace"].lower())
        if assets is None:
            raise no_resource("workspaces", call.names["workspace"], call.names["group"])
        return assets

    def _naming(self, call: Call) -> Naming:
        container = self._settings.blob_container(call.names["workspace"])
        return Naming(
            _scope(call),
            f"{PROVIDER}/workspaces/",
            f"{self._settings.blob_endpoint}/{container}",
        )

    def _workspace(self, call: Call) -> Answer:
        self._assets(call)
        name, scope = call.names["workspace"], _scope(call)
        group = scope.partition("/providers/")[0]
        account = f"{group}/providers/Microsoft.Storage/storageAccounts"
        guid = stable_id("workspace", name)
        return Answer(
            {
                "id": scope,
                "name": name,
                "type": f"{PROVIDER}/workspaces",
                "location": LOCATION,
                "tags": {},
                "properties": {
                    "friendlyName": name,
                    "description": "",
                    "storageAccount": f"{account}/{self._settings.blob_account}",
                    "hbiWorkspace": False,
                    "provisioningState": "Succeeded",
                    "publicNetworkAccess": "Enabled",
                    "discoveryUrl": f"https://{LOCATION}.api.azureml.ms/discovery",
                    "mlFlowTrackingUri": f"azureml://{LOCATION}.api.azureml.ms/mlflow/v1.0{scope}",
                    "workspaceId": guid,
                    "tenantId": TENANT_ID,
                },
                "identity": {"type": "SystemAssigned", "tenantId": TENANT_ID, "principalId": guid},
                "sku": {"name": "Basic", "tier": "Basic"},
                "kind": "Default",
                "systemData": system_data(_EPOCH, "envsync"),
            }
        )

    def _datastores(self, call: Call) -> Answer:
        self._assets(call)
        # The parameter `names` contains names that are separated by commas (OpenAPI).
        names = call.query.get("names", storage.DEFAULT_DATASTORE).split(",")
        # To find the datastore for uploads, azure-ai-ml requests the list of datastores with the
        # parameter `isDefault=true`.
        wanted = call.query.get("isDefault", "true").lower() == "true"
        if not wanted or storage.DEFAULT_DATASTORE not in names:
            return Answer({"value": []})
        return Answer({"value": [self._datastore_resource(call)]})

    def _datastore(self, call: Call) -> Answer:
        self._check_datastore(call)
        return Answer(self._datastore_resource(call))

    def _secrets(self, call: Call) -> Answer:
        self._check_datastore(call)
        workspace = call.names["workspace"]
        settings = storage.signing(self._settings, refused=call.fault == "refuse-upload")
        return Answer(
            storage.datastore_secrets(settings, workspace, body=call.body, now=self._clock())
        )

    def _check_datastore(self, call: Call) -> None:
        self._assets(call)
        name = call.names["datastore"]
        if name != storage.DEFAULT_DATASTORE:
            workspace = call.names["workspace"]
            kind = f"workspaces/{workspace}/datastores"
            raise no_resource(kind, name, call.names["group"])

    def _datastore_resource(self, call: Call) -> JSON:
        workspace = call.names["workspace"]
        return {
            "id": f"{_scope(call)}/datastores/{storage.DEFAULT_DATASTORE}",
            "name": storage.DEFAULT_DATASTORE,
            "type": f"{PROVIDER}/workspaces/datastores",
            "properties": storage.datastore_properties(self._settings, workspace),
            "systemData": {
                **system_data(_EPOCH, "envsync"),
                "createdByType": "Application",
                "lastModifiedByType": "Application",
            },
        }


def _scope(call: Call) -> str:
    names = call.names
    return (
        f"/subscriptions/{names['subscription']}/resourceGroups/{names['group']}"
        f"/providers/{PROVIDER}/workspaces/{names['workspace']}"
    )
