"""The clouds of Azure, with the addresses of Resource Manager, sign-in and registries."""

from __future__ import annotations

from typing import Final

from azure.core import AzureClouds
from azure.core.settings import settings
from azure.identity import AzureAuthorityHosts
from msgspec import Struct


class Cloud(Struct, frozen=True):
    """One cloud.

    Attributes:
        name: the name in `envsync.yaml`, the Azure CLI and azure-ai-ml.
        manager: the URL of the Resource Manager, without a trailing `/`.
        scope: the scope of the tokens.
        authority: the host of the sign-in service.
        discovery: the URL of the service that finds registries by name.
    """

    name: str
    manager: str
    scope: str
    authority: str
    discovery: str


# azure-mgmt-core has these addresses as well, but importing it takes 40 ms, because it imports
# asyncio. The discovery URLs are from azure-ai-ml's table of clouds. Azure does not publish these
# URLs. Recorded requests of azure-ai-ml use the URL of the public cloud.
_CLOUDS: Final = {
    AzureClouds.AZURE_PUBLIC_CLOUD: Cloud(
        name="AzureCloud",
        manager="https://management.azure.com",
        scope="https://management.azure.com/.default",
        authority=AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
        discovery="https://eastus.api.azureml.ms",
    ),
    AzureClouds.AZURE_US_GOVERNMENT: Cloud(
        name="AzureUSGovernment",
        manager="https://management.usgovcloudapi.net",
        scope="https://management.core.usgovcloudapi.net/.default",
        authority=AzureAuthorityHosts.AZURE_GOVERNMENT,
        discovery="https://usgovarizona.api.ml.azure.us",
    ),
    AzureClouds.AZURE_CHINA_CLOUD: Cloud(
        name="AzureChinaCloud",
        manager="https://management.chinacloudapi.cn",
        scope="https://management.chinacloudapi.cn/.default",
        authority=AzureAuthorityHosts.AZURE_CHINA,
        discovery="https://chinaeast2.api.ml.azure.cn",
    ),
}


def cloud(name: str) -> Cloud:
    """Returns the cloud with the given name."""
    return next(each for each in _CLOUDS.values() if each.name == name)


def current_cloud() -> str:
    """Returns the name of the cloud for targets without the setting `cloud`.

    The result is the cloud in azure-core's environment variable `AZURE_SDK_CLOUD_CONF`. If the
    variable is not set, the result is the public cloud.
    """
    current = _CLOUDS.get(settings.azure_cloud())
    return "AzureCloud" if current is None else current.name
