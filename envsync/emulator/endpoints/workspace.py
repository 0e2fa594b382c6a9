"""The resource manager's endpoints for workspaces, under every subscription and resource group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from envsync.emulator.service import storage
from envsync.emulator.service.assets import Assets
from envsync.emulator.service.deleting import deleted
from envsync.emulator.service.errors import no_resource
from envsync.emulator.service.resources import Naming, system_data
from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, endpoint
from envsync.emulator.service.world import World
from envsync.emulator.settings import MANAGEMENT_HOST, TENANT_ID, Settings, stable_id
from envsync.model.canonical import JSON

LOCATION = "eastus"
_PROVIDER = "Microsoft.MachineLearningServices"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_WORKSPACE = f"{_GROUP}/providers/{_PROVIDER}/workspaces/{{workspace}}"
_EPOCH = "2024-01-01T00:00:00.000000+00:00"

_Ask: TypeAlias = Callable[[Assets, Call, Naming], JSON]


class Workspaces:
    """Answers for all workspaces."""

    def __init__(self, world: World, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._world = world
        self._settings = settings
        self._clock = clock

    def endpoints(self) -> Sequence[Endpoint]:
        """Everything that can be asked of the resource manager here."""
        container = f"{_WORKSPACE}/environments/{{name}}"
        version = f"{container}/versions/{{version}}"
        store = f"{_WORKSPACE}/datastores"
        assets = "workspaces/environments"
        return (
            _at("GET", _WORKSPACE, "workspaces/read", self._workspace),
            _at("GET", store, "workspaces/datastores/read", self._datastores),
            _at("GET", f"{store}/{{datastore}}", "workspaces/datastores/read", self._datastore),
            _at(
                "POST",
                f"{store}/{{datastore}}/listSecrets",
                "workspaces/datastores/listSecrets/action",
                self._secrets,
            ),
            _at(
                "GET",
                f"{_WORKSPACE}/environments",
                f"{assets}/read",
                self._reading(Assets.list_containers),
            ),
            _at("GET", container, f"{assets}/read", self._reading(Assets.get_container)),
            _at("PUT", container, f"{assets}/write", self._writing(Assets.put_container)),
            _at(
                "GET",
                f"{container}/versions",
                f"{assets}/versions/read",
                self._reading(Assets.list_versions),
            ),
            _at("GET", version, f"{assets}/versions/read", self._reading(Assets.get_version)),
            _at("PUT", version, f"{assets}/versions/write", self._writing(Assets.put_version)),
            _at("DELETE", container, f"{assets}/delete", self._delete),
            _at("DELETE", version, f"{assets}/versions/delete", self._delete),
        )

    def _reading(self, ask: _Ask) -> Handler:
        def handler(call: Call) -> Answer:
            return Answer(ask(self._assets(call), call, self._naming(call)))

        return handler

    def _writing(self, ask: _Ask) -> Handler:
        """201 whether it creates or updates, with the address of what was written (recorded)."""

        def handler(call: Call) -> Answer:
            content = ask(self._assets(call), call, self._naming(call))
            location = f"{call.url}?api-version={call.query.get('api-version', '')}"
            return Answer(content, 201, {"Location": location})

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
            f"{_PROVIDER}/workspaces/",
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
                "type": f"{_PROVIDER}/workspaces",
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
        names = call.query.get("names", storage.DEFAULT_DATASTORE).split(",")
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
        return Answer(
            storage.datastore_secrets(self._settings, workspace, call.body, self._clock())
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
            "type": f"{_PROVIDER}/workspaces/datastores",
            "properties": storage.datastore_properties(self._settings, workspace),
            "systemData": {
                **system_data(_EPOCH, "envsync"),
                "createdByType": "Application",
                "lastModifiedByType": "Application",
            },
        }


def _at(method: str, path: str, permission: str, handler: Handler) -> Endpoint:
    return endpoint(MANAGEMENT_HOST, method, path, f"{_PROVIDER}/{permission}", handler)


def _scope(call: Call) -> str:
    names = call.names
    return (
        f"/subscriptions/{names['subscription']}/resourceGroups/{names['group']}"
        f"/providers/{_PROVIDER}/workspaces/{names['workspace']}"
    )
