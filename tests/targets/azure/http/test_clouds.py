"""The addresses of the clouds."""

from __future__ import annotations

import pytest

pytest.importorskip("azure.mgmt.core", reason="azure-mgmt-core is not installed")
pytest.importorskip("azure.identity", reason="azure-identity is not installed")

from azure.core import AzureClouds
from azure.mgmt.core.tools import get_arm_endpoints

from envsync.targets.azure.http.clouds import cloud, current_cloud


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        (AzureClouds.AZURE_PUBLIC_CLOUD, "AzureCloud"),
        (AzureClouds.AZURE_US_GOVERNMENT, "AzureUSGovernment"),
        (AzureClouds.AZURE_CHINA_CLOUD, "AzureChinaCloud"),
    ],
)
def test_the_addresses_are_those_of_azure_mgmt_core(setting: AzureClouds, name: str) -> None:
    expected = get_arm_endpoints(setting)

    found = cloud(name)

    assert found.manager == expected["resource_manager"].rstrip("/")
    assert [found.scope] == expected["credential_scopes"]


@pytest.mark.parametrize(
    ("value", "name"), [("AZURE_CHINA_CLOUD", "AzureChinaCloud"), (None, "AzureCloud")]
)
def test_the_cloud_in_the_environment_variable_is_used(
    value: str | None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_SDK_CLOUD_CONF", raising=False)
    if value is not None:
        monkeypatch.setenv("AZURE_SDK_CLOUD_CONF", value)

    assert current_cloud() == name
