"""The clouds of Azure: where each one's Resource Manager, sign-in and registries are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from azure.core import AzureClouds
from azure.core.settings import settings
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud.

    Attributes:
        name: as `envsync.yaml`, the Azure CLI and azure-ai-ml call it.
        manager: the URL of its Resource Manager, without a `/` at its end.
        scope: what tokens are asked for.
        authority: the host that signs in.
        discovery: where registries are looked up. azure-ai-ml has the same addresses in its table
            of clouds; Azure publishes no other list.
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
    """The cloud of a name that `envsync.yaml` may hold."""
    setting, authority, discovery = _KNOWN[name]
    endpoints = get_arm_endpoints(setting)
    manager, scopes = endpoints["resource_manager"], endpoints["credential_scopes"]
    return Cloud(name, manager.rstrip("/"), scopes[0], authority, discovery)


def current_cloud() -> str:
    """The cloud of targets that name none: azure-core's setting, by default the public one.

    azure-core reads it from the environment variable `AZURE_SDK_CLOUD_CONF`.
    """
    current = settings.azure_cloud()
    return next((name for name, known in _KNOWN.items() if known[0] == current), "AzureCloud")
