"""The clouds of Azure, with the addresses of Resource Manager, sign-in and registries."""

from __future__ import annotations

from typing import Final

from azure.core import AzureClouds
from azure.core.settings import settings
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints
from msgspec import Struct


class Cloud(Struct, frozen=True):
    """One cloud.

    Attributes:
        name: the name in `envsync.yaml`, the Azure CLI and azure-ai-ml.
        manager: the URL of the Resource Manager, without a trailing `/`.
        scope: the scope to request tokens for.
        authority: the host of the sign-in service.
        discovery: the URL of the service that finds registries by name.
    """

    name: str
    manager: str
    scope: str
    authority: str
    discovery: str


_KNOWN: Final = {
    "AzureCloud": (
        AzureClouds.AZURE_PUBLIC_CLOUD,
        AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
        # The discovery URLs are from azure-ai-ml's table of clouds. Azure does not publish these
        # URLs. Recorded requests of azure-ai-ml use the URL of the public cloud.
        "https://eastus.api.azureml.ms",
    ),
    "AzureUSGovernment": (
        AzureClouds.AZURE_US_GOVERNMENT,
        AzureAuthorityHosts.AZURE_GOVERNMENT,
        "https://usgovarizona.api.ml.azure.us",
    ),
    "AzureChinaCloud": (
        AzureClouds.AZURE_CHINA_CLOUD,
        AzureAuthorityHosts.AZURE_CHINA,
        "https://chinaeast2.api.ml.azure.cn",
    ),
}


def cloud(name: str) -> Cloud:
    """Returns the cloud with the given name."""
    setting, authority, discovery = _KNOWN[name]
    endpoints = get_arm_endpoints(setting)
    manager, scopes = endpoints["resource_manager"], endpoints["credential_scopes"]
    return Cloud(
        name=name,
        manager=manager.rstrip("/"),
        scope=scopes[0],
        authority=authority,
        discovery=discovery,
    )


def current_cloud() -> str:
    """Returns the name of the cloud for targets without the setting `cloud`.

    The result is the cloud in azure-core's environment variable `AZURE_SDK_CLOUD_CONF`. If the
    variable is not set, the result is the public cloud.
    """
    current = settings.azure_cloud()
    return next((name for name, known in _KNOWN.items() if known[0] == current), "AzureCloud")
