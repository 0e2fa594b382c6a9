"""The target `registry`: the environments of an Azure ML registry.

A request to the cloud's discovery URL returns the region of a registry. The requests for the
environments of the registry are sent to a host of this region.
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
"""The api-version of registries. Recorded requests of azure-ai-ml use the same api-version."""


def open_registry(config: TargetConfig, connection: Connection) -> AzureTarget:
    """Returns the registry that `envsync.yaml` describes. Does not connect.

    Raises:
        TargetError: the credential cannot be created.
    """
    registry = config.settings["registry"]
    client = open_client(config, connection)

    def find() -> Endpoint:
        url = address(client.rest, registry)
        creator = client.creator({"registry_name": registry})
        return Endpoint(Resources(client.rest, url, API_VERSION), creator)

    return AzureTarget(
        # The service ignores case in registry names. In recorded responses, registry names are in
        # lower case.
        TargetIdentity(config.name, config.kind, f"azureml://registries/{registry.lower()}"),
        find,
        parallel=connection.parallel,
        stale=connection.stale,
        close=client.close,
        stop=client.stop,
        reading=connection.reading,
    )


def address(rest: Rest, registry: str) -> str:
    """Returns the URL of a registry's resources.

    Raises:
        TargetError: the registry does not exist or cannot be looked up.
    """
    discovery = f"{rest.cloud.discovery}/registrymanagement/v1.0/registries"
    found = rest.get(f"{discovery}/{quote(registry, safe='')}/discovery")
    if found is None:
        raise TargetError(
            f"There is no registry {registry}: check `registry` in envsync.yaml, and that you are "
            "signed in to its tenant."
        )
    # The discovery response contains the host of the region. The path below is the path in recorded
    # requests of azure-ai-ml.
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
        raise TargetError(
            f"The registry was found, but the service's response has no {key}. Run the command "
            "again later."
        )
    return value
