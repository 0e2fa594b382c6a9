"""Registries' environments as the resource manager has them, and the operations that it tells of.

The same environments as `registry.py` answers for, by the hosts and with the long-running
operations that management libraries know (OpenAPI, `RegistryEnvironmentContainers` and
`RegistryEnvironmentVersions`), and the `publish` of a workspace's version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from envsync.emulator.endpoints.registry import GROUP, registry_assets
from envsync.emulator.endpoints.workspace import LOCATION
from envsync.emulator.service.assets import Assets
from envsync.emulator.service.deleting import delete
from envsync.emulator.service.errors import no_environment, no_resource, user_error
from envsync.emulator.service.operations import TIMEOUT, Operations
from envsync.emulator.service.resources import Naming
from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, endpoint
from envsync.emulator.service.sharing import renamed, write_imported
from envsync.emulator.service.world import World
from envsync.emulator.settings import MANAGEMENT_HOST, Settings
from envsync.model.canonical import JSON

_PROVIDER = "Microsoft.MachineLearningServices"
_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{_PROVIDER}"
_REGISTRY = f"{_GROUP}/registries/{{registry}}"
_PUBLISH = f"{_GROUP}/workspaces/{{workspace}}/environments/{{name}}/versions/{{version}}/publish"
_OPERATIONS = f"/subscriptions/{{subscription}}/providers/{_PROVIDER}/locations/{{location}}"

_Ask: TypeAlias = Callable[[Assets, Call, Naming], JSON]


class ManagedRegistries:
    """Answers for all registries, under every subscription and resource group."""

    def __init__(self, world: World, settings: Settings, operations: Operations) -> None:
        self._world = world
        self._settings = settings
        self._operations = operations

    def endpoints(self) -> Sequence[Endpoint]:
        """Everything that the resource manager can be asked of registries here."""
        listed = f"{_REGISTRY}/environments"
        container = f"{listed}/{{name}}"
        versions = f"{container}/versions"
        version = f"{versions}/{{version}}"
        assets = "registries/assets"
        publish = "workspaces/environments/versions/write"
        return (
            _at("GET", listed, f"{assets}/read", self._reading(Assets.list_containers)),
            _at("GET", container, f"{assets}/read", self._reading(Assets.get_container)),
            _at("PUT", container, f"{assets}/write", self._writing(Assets.put_container)),
            _at("DELETE", container, f"{assets}/delete", self._delete),
            _at("GET", versions, f"{assets}/read", self._reading(Assets.list_versions)),
            _at("GET", version, f"{assets}/read", self._reading(Assets.get_version)),
            _at("PUT", version, f"{assets}/write", self._writing(Assets.put_version)),
            _at("DELETE", version, f"{assets}/delete", self._delete),
            _at("POST", _PUBLISH, publish, self._publish),
            _at(
                "GET",
                f"{_OPERATIONS}/mfeOperationsStatus/{{operation}}",
                "locations/mfeOperationsStatus/read",
                self._status,
            ),
            _at(
                "GET",
                f"{_OPERATIONS}/mfeOperationResults/{{operation}}",
                "locations/mfeOperationResults/read",
                self._result,
            ),
        )

    def _reading(self, ask: _Ask) -> Handler:
        def handler(call: Call) -> Answer:
            assets = registry_assets(self._world, call)
            return Answer(ask(assets, call, self._naming(call)))

        return handler

    def _writing(self, ask: _Ask) -> Handler:
        """200 for what was there; 201 and an operation for what was not (OpenAPI)."""

        def handler(call: Call) -> Answer:
            assets = registry_assets(self._world, call)
            known = _is_there(assets, call)
            content = ask(assets, call, self._naming(call))
            if known:
                return Answer(content)
            status = self._address("mfeOperationsStatus", call)
            headers = {"Azure-AsyncOperation": status, **TIMEOUT, **self._operations.waiting()}
            return Answer(content, 201, headers)

        return handler

    def _delete(self, call: Call) -> Answer:
        """202 and an operation; 204 for what was not there (OpenAPI)."""
        if not delete(registry_assets(self._world, call), call):
            return Answer(status=204, empty=True)
        return self._accepted(call)

    def _publish(self, call: Call) -> Answer:
        """A workspace's version becomes a registry's, under the same name or another one.

        Raises:
            ServiceError: the body names no registry (400), or something is not there (404).
        """
        body = call.body if isinstance(call.body, dict) else {}
        registry, group = body.get("registryName"), call.names["group"]
        if not isinstance(registry, str):
            raise user_error("registryName has to be the name of a registry.")
        workspace, name, version = (call.names[key] for key in ("workspace", "name", "version"))
        source = self._world.workspaces.get(workspace.lower())
        if source is None:
            raise no_resource("workspaces", workspace, group)
        target = self._world.registries.get(registry.lower())
        if target is None:
            raise no_resource("registries", registry, GROUP)
        record = source.store.record(name, version)
        if record is None:
            raise no_environment(name, version)
        new = renamed(record, body.get("destinationName"), body.get("destinationVersion"))
        write_imported(target, call, new)
        return self._accepted(call)

    def _accepted(self, call: Call) -> Answer:
        location = self._address("mfeOperationResults", call)
        headers = {"Location": location, **TIMEOUT, **self._operations.waiting()}
        return Answer(status=202, headers=headers, empty=True)

    def _address(self, kind: str, call: Call) -> str:
        operation = self._operations.begin(call.names["name"])
        path = _OPERATIONS.format(subscription=call.names["subscription"], location=LOCATION)
        version = call.query.get("api-version", "")
        return f"https://{call.host}{path}/{kind}/{operation}?api-version={version}"

    def _status(self, call: Call) -> Answer:
        """The state of an operation, which is what `Azure-AsyncOperation` leads to."""
        operation = call.names["operation"]
        done = self._operations.is_done(operation)
        content: JSON = {
            "id": call.path,
            "name": operation,
            "status": "Succeeded" if done else "InProgress",
        }
        return Answer(content, headers={} if done else self._operations.waiting())

    def _result(self, call: Call) -> Answer:
        """202 until an operation is done, which is what `Location` leads to."""
        if self._operations.is_done(call.names["operation"]):
            return Answer(empty=True)
        version = call.query.get("api-version", "")
        location = f"{call.url}?api-version={version}"
        return Answer(
            status=202, headers={"Location": location, **self._operations.waiting()}, empty=True
        )

    def _naming(self, call: Call) -> Naming:
        names = call.names
        scope = _REGISTRY.format(
            subscription=names["subscription"], group=names["group"], registry=names["registry"]
        )
        return Naming(scope, f"{_PROVIDER}/registries/", self._settings.blob_endpoint)


def _is_there(assets: Assets, call: Call) -> bool:
    if "version" in call.names:
        return assets.store.record(call.names["name"], call.names["version"]) is not None
    return bool(assets.store.records(call.names["name"])[0])


def _at(method: str, path: str, permission: str, handler: Handler) -> Endpoint:
    return endpoint(MANAGEMENT_HOST, method, path, f"{_PROVIDER}/{permission}", handler)
