"""The endpoints for registries on the resource manager's host, and the operation `publish`.

Microsoft's management libraries use these endpoints and their long-running operations (OpenAPI,
`RegistryEnvironmentContainers` and `RegistryEnvironmentVersions`). azure-ai-ml uses the endpoints
in `registry.py`. Both modules serve the same environments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from envsync.emulator.endpoints.registry import GROUP, registry_assets
from envsync.emulator.service.assets import Assets
from envsync.emulator.service.deleting import delete
from envsync.emulator.service.errors import no_environment, no_resource, user_error
from envsync.emulator.service.operations import TIMEOUT, Operations
from envsync.emulator.service.resources import Naming
from envsync.emulator.service.routing import Answer, Call, Endpoint, Handler, ProviderEndpoints
from envsync.emulator.service.sharing import renamed, write_imported
from envsync.emulator.service.world import World
from envsync.emulator.settings import LOCATION, MANAGEMENT_HOST, PROVIDER, Settings
from envsync.model.canonical import JSON

_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}"
_REGISTRY = f"{_GROUP}/registries/{{registry}}"
_PUBLISH = f"{_GROUP}/workspaces/{{workspace}}/environments/{{name}}/versions/{{version}}/publish"
_OPERATIONS = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"

_Operation: TypeAlias = Callable[[Assets, Call, Naming], JSON]


class ManagedRegistries:
    """The handlers for all registries, in every subscription and resource group."""

    def __init__(self, world: World, settings: Settings, operations: Operations) -> None:
        self._world = world
        self._settings = settings
        self._operations = operations

    def endpoints(self) -> Sequence[Endpoint]:
        """Returns the endpoints for environments, `publish` and operations."""
        at = ProviderEndpoints(MANAGEMENT_HOST, PROVIDER)
        listed = f"{_REGISTRY}/environments"
        container = f"{listed}/{{name}}"
        versions = f"{container}/versions"
        version = f"{versions}/{{version}}"
        assets = "registries/assets"
        publish = "workspaces/environments/versions/write"
        status = f"{_OPERATIONS}/mfeOperationsStatus/{{operation}}"
        result = f"{_OPERATIONS}/mfeOperationResults/{{operation}}"
        reading, writing = self._reading, self._writing
        return (
            at.get(listed, f"{assets}/read", reading(Assets.list_containers)),
            at.get(container, f"{assets}/read", reading(Assets.get_container)),
            at.put(container, f"{assets}/write", writing(Assets.put_container)),
            at.delete(container, f"{assets}/delete", self._delete),
            at.get(versions, f"{assets}/read", reading(Assets.list_versions)),
            at.get(version, f"{assets}/read", reading(Assets.get_version)),
            at.put(version, f"{assets}/write", writing(Assets.put_version)),
            at.delete(version, f"{assets}/delete", self._delete),
            at.post(_PUBLISH, publish, self._publish),
            at.get(status, "locations/mfeOperationsStatus/read", self._status),
            at.get(result, "locations/mfeOperationResults/read", self._result),
        )

    def _reading(self, operation: _Operation) -> Handler:
        def handler(call: Call) -> Answer:
            assets = registry_assets(self._world, call)
            return Answer(operation(assets, call, self._naming(call)))

        return handler

    def _writing(self, operation: _Operation) -> Handler:
        """Returns the handler of a PUT.

        The handler returns 200 for an update, and 201 with an operation for a new resource
        (OpenAPI).
        """

        def handler(call: Call) -> Answer:
            assets = registry_assets(self._world, call)
            # Look for the resource before the write, because the resource always exists after the
            # write.
            existed = _exists(assets, call)
            content = operation(assets, call, self._naming(call))
            if existed:
                return Answer(content)
            status = self._operation_url("mfeOperationsStatus", call)
            headers = {"Azure-AsyncOperation": status, **TIMEOUT, **self._operations.waiting()}
            return Answer(content, 201, headers)

        return handler

    def _delete(self, call: Call) -> Answer:
        """Deletes an environment or a version.

        Returns 202 with an operation, or 204 if the resource did not exist (OpenAPI).
        """
        if not delete(registry_assets(self._world, call), call):
            return Answer(status=204, empty=True)
        return self._accepted(call)

    def _publish(self, call: Call) -> Answer:
        """Copies a version from a workspace to a registry.

        Raises:
            ServiceError: the body contains no name of a registry (400), or the workspace, registry
                or version does not exist (404).
        """
        body = call.body if isinstance(call.body, dict) else {}
        registry, group = body.get("registryName"), call.names["group"]
        if not isinstance(registry, str):
            raise user_error("registryName must be the name of a registry.")
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
        # This call already registers the version. Clients still wait until the operation is done,
        # as with Azure ML.
        write_imported(target, call, new)
        return self._accepted(call)

    def _accepted(self, call: Call) -> Answer:
        location = self._operation_url("mfeOperationResults", call)
        headers = {"Location": location, **TIMEOUT, **self._operations.waiting()}
        return Answer(status=202, headers=headers, empty=True)

    def _operation_url(self, kind: str, call: Call) -> str:
        operation = self._operations.begin(call.names["name"])
        path = _OPERATIONS.format(subscription=call.names["subscription"], location=LOCATION)
        version = call.query.get("api-version", "")
        return f"https://{call.host}{path}/{kind}/{operation}?api-version={version}"

    def _status(self, call: Call) -> Answer:
        """Handles a GET of the URL in `Azure-AsyncOperation`: returns the operation's state."""
        operation = call.names["operation"]
        done = self._operations.is_done(operation)
        content: JSON = {
            "id": call.path,
            "name": operation,
            "status": "Succeeded" if done else "InProgress",
        }
        return Answer(content, headers={} if done else self._operations.waiting())

    def _result(self, call: Call) -> Answer:
        """Handles a GET of the URL in `Location`: returns 202 until the operation is done."""
        if self._operations.is_done(call.names["operation"]):
            return Answer(empty=True)
        headers = {"Location": call.versioned_url, **self._operations.waiting()}
        return Answer(status=202, headers=headers, empty=True)

    def _naming(self, call: Call) -> Naming:
        names = call.names
        scope = _REGISTRY.format(
            subscription=names["subscription"], group=names["group"], registry=names["registry"]
        )
        return Naming(scope, f"{PROVIDER}/registries/", self._settings.blob_endpoint)


def _exists(assets: Assets, call: Call) -> bool:
    if "version" in call.names:
        return assets.store.record(call.names["name"], call.names["version"]) is not None
    return bool(assets.store.records(call.names["name"])[0])
