"""The target `registry`: the environments of an Azure ML registry.

A registry is found by its name alone, in the region that answers for its cloud; its resources are
then served by the region it lies in.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.model.target import TargetIdentity
from envsync.project.settings.targets import TargetConfig
from envsync.targets.azure.client import Endpoint, open_client
from envsync.targets.azure.http.rest import Rest
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.target import AzureTarget
from envsync.targets.connection import Connection

API_VERSION: Final = "2021-10-01-dataplanepreview"
"""What registries speak, and azure-ai-ml with them."""


def open_registry(config: TargetConfig, connection: Connection) -> AzureTarget:
    """The registry that `envsync.yaml` describes. Sends nothing yet.

    Raises:
        TargetError: there is nobody to sign in as.
    """
    registry = config.settings["registry"]
    client = open_client(config, connection)

    def find() -> Endpoint:
        url = address(client.rest, registry)
        creator = client.creator({"registry_name": registry})
        return Endpoint(Resources(client.rest, url, API_VERSION), creator)

    return AzureTarget(
        # Names of registries compare without case.
        TargetIdentity(config.name, config.kind, f"azureml://registries/{registry.lower()}"),
        find,
        parallel=connection.parallel,
        stale=connection.stale,
        close=client.close,
    )


def address(rest: Rest, registry: str) -> str:
    """Where a registry's resources are.

    Raises:
        TargetError: there is no such registry, or it cannot be looked up.
    """
    discovery = f"{rest.cloud.discovery}/registrymanagement/v1.0/registries"
    found = rest.get(f"{discovery}/{quote(registry, safe='')}/discovery")
    if found is None:
        raise TargetError(
            f"There is no registry {registry}: check `registry` in envsync.yaml, and that you are "
            "signed in to its tenant."
        )
    provider = _text(found, "primaryRegionResourceProviderUri").rstrip("/")
    return (
        f"{provider}/mferp/managementfrontend/subscriptions/{_text(found, 'subscriptionId')}"
        f"/resourceGroups/{_text(found, 'resourceGroup')}"
        "/providers/Microsoft.MachineLearningServices/registries/"
        f"{quote(registry, safe='')}"
    )


def _text(found: JSON, key: str) -> str:
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, str) or not value:
        raise TargetError(f"The registry was found, but the answer does not say its {key}.")
    return value
