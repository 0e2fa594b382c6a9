"""Uses azure-mgmt-machinelearningservices with environments of a workspace and a registry.

Prints a JSON object with the result of each step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest
from azure.identity import DefaultAzureCredential
from azure.mgmt.core.polling.arm_polling import ARMPolling
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient
from azure.mgmt.machinelearningservices.models import (
    EnvironmentContainer,
    EnvironmentContainerProperties,
    EnvironmentVersion,
    EnvironmentVersionProperties,
)

CONDA = "name: mgmt\ndependencies:\n- python=3.12\n"
IMAGE = "python:3.12"
GROUP = os.environ["AZURE_RESOURCE_GROUP"]
WORKSPACE = os.environ["AZUREML_WORKSPACE_NAME"]
REGISTRY = os.environ["AZUREML_REGISTRY_NAME"]


def status_of(ask: Callable[[], object]) -> int:
    """Returns the HTTP status with which a call fails, or 200."""
    try:
        ask()
    except HttpResponseError as error:
        return int(error.status_code or 0)
    return 200


def version_of(**properties: Any) -> EnvironmentVersion:
    return EnvironmentVersion(properties=EnvironmentVersionProperties(**properties))


def container_of(**properties: Any) -> EnvironmentContainer:
    return EnvironmentContainer(properties=EnvironmentContainerProperties(**properties))


def workspace(client: MachineLearningServicesMgmtClient) -> dict[str, Any]:
    """Calls all operations for environments of a workspace, and returns the results."""
    containers, versions = client.environment_containers, client.environment_versions
    seen: dict[str, Any] = {}
    made = containers.create_or_update(
        GROUP, WORKSPACE, "mgmt", container_of(description="First.", tags={"team": "a"})
    )
    seen["container"] = [made.name, made.properties.description, made.properties.tags]
    for number in range(1, 6):
        versions.create_or_update(
            GROUP,
            WORKSPACE,
            "mgmt",
            str(number),
            version_of(image=IMAGE, conda_file=CONDA, description=f"Number {number}."),
        )
    got = versions.get(GROUP, WORKSPACE, "mgmt", "2")
    conda = json.loads(got.properties.conda_file)
    seen["version"] = [got.name, got.properties.image, conda["name"], got.properties.description]
    changed = versions.create_or_update(
        GROUP,
        WORKSPACE,
        "mgmt",
        "2",
        version_of(image=IMAGE, conda_file=CONDA, description="Changed."),
    )
    seen["changed"] = changed.properties.description
    seen["fixed"] = status_of(
        lambda: versions.create_or_update(
            GROUP, WORKSPACE, "mgmt", "2", version_of(image="python:3.13", conda_file=CONDA)
        )
    )
    listed = versions.list(GROUP, WORKSPACE, "mgmt").by_page()
    seen["pages"] = [[item.name for item in page] for page in listed]
    seen["newest"] = [
        item.name
        for item in versions.list(GROUP, WORKSPACE, "mgmt", order_by="createdtime desc", top=2)
    ]
    containers.create_or_update(GROUP, WORKSPACE, "mgmt-old", container_of(is_archived=True))
    for view in ("ActiveOnly", "ArchivedOnly", "All"):
        found = containers.list(GROUP, WORKSPACE, list_view_type=view)
        seen[view] = sorted(item.name for item in found if item.name.startswith("mgmt"))
    seen["published"] = publish(client, "mgmt", "2")
    # The second delete gets 204, which is not an error.
    versions.delete(GROUP, WORKSPACE, "mgmt", "1")
    versions.delete(GROUP, WORKSPACE, "mgmt", "1")
    seen["deleted version"] = status_of(lambda: versions.get(GROUP, WORKSPACE, "mgmt", "1"))
    containers.delete(GROUP, WORKSPACE, "mgmt")
    seen["deleted container"] = status_of(lambda: containers.get(GROUP, WORKSPACE, "mgmt"))
    seen["datastore"] = next(iter(client.datastores.list(GROUP, WORKSPACE, is_default=True))).name
    seen["workspace"] = client.workspaces.get(GROUP, WORKSPACE).name
    seen["not built"] = status_of(lambda: list(client.jobs.list(GROUP, WORKSPACE)))
    return seen


def publish(client: MachineLearningServicesMgmtClient, name: str, version: str) -> str:
    """Publishes a version, and returns the final status.

    The library has no method to publish, so its pipeline and poller are used directly.
    """
    base = client.environment_versions._client
    subscription = os.environ["AZURE_SUBSCRIPTION_ID"]
    url = (
        f"https://management.azure.com/subscriptions/{subscription}/resourceGroups/{GROUP}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
        f"/environments/{name}/versions/{version}/publish"
    )
    request = HttpRequest(
        "POST", url, params={"api-version": "2024-04-01"}, json={"registryName": REGISTRY}
    )
    first = base._pipeline.run(request)
    poller: LROPoller[None] = LROPoller(
        base, first, lambda _response: None, ARMPolling(lro_options={"final-state-via": "location"})
    )
    poller.result()
    return poller.status()


def registry(client: MachineLearningServicesMgmtClient) -> dict[str, Any]:
    """Calls all operations for environments of a registry, and returns the results."""
    containers = client.registry_environment_containers
    versions = client.registry_environment_versions
    seen: dict[str, Any] = {}
    published = versions.get(GROUP, REGISTRY, "mgmt", "2")
    seen["published"] = [published.properties.image, published.properties.description]
    made = containers.begin_create_or_update(
        GROUP, REGISTRY, "mgmt-registry", container_of(description="First.")
    ).result()
    seen["container"] = [made.name, made.properties.description]
    for number in range(1, 4):
        poller = versions.begin_create_or_update(
            GROUP, REGISTRY, "mgmt-registry", str(number), version_of(image=IMAGE)
        )
        seen[f"version {number}"] = [poller.result().name, poller.status()]
    updated = versions.begin_create_or_update(
        GROUP, REGISTRY, "mgmt-registry", "1", version_of(image=IMAGE, description="Changed.")
    ).result()
    seen["changed"] = updated.properties.description
    listed = versions.list(GROUP, REGISTRY, "mgmt-registry").by_page()
    seen["pages"] = [[item.name for item in page] for page in listed]
    names = [item.name for item in containers.list(GROUP, REGISTRY)]
    seen["containers"] = sorted(name for name in names if name.startswith("mgmt"))
    seen["got"] = containers.get(GROUP, REGISTRY, "mgmt-registry").id.rpartition("/providers/")[2]
    poller = versions.begin_delete(GROUP, REGISTRY, "mgmt-registry", "1")
    poller.result()
    seen["deleting"] = poller.status()
    versions.begin_delete(GROUP, REGISTRY, "mgmt-registry", "1").result()
    seen["deleted version"] = status_of(lambda: versions.get(GROUP, REGISTRY, "mgmt-registry", "1"))
    containers.begin_delete(GROUP, REGISTRY, "mgmt-registry").result()
    seen["deleted container"] = status_of(lambda: containers.get(GROUP, REGISTRY, "mgmt-registry"))
    return seen


def main() -> None:
    """Runs all steps, and prints their results."""
    client = MachineLearningServicesMgmtClient(
        DefaultAzureCredential(), os.environ["AZURE_SUBSCRIPTION_ID"]
    )
    print(json.dumps({"workspace": workspace(client), "registry": registry(client)}))


if __name__ == "__main__":
    main()
