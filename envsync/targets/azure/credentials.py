"""Who envsync is in Azure: the credential that a target's settings choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import (
    AzureCliCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from envsync.errors import TargetError
from envsync.targets.azure.clouds import Cloud

_KINDS: Final[Mapping[str, Callable[[str], TokenCredential]]] = {
    "default": lambda authority: DefaultAzureCredential(authority=authority),
    # The Azure CLI knows its cloud itself (`az cloud set`).
    "cli": lambda _: AzureCliCredential(),
    "environment": lambda authority: EnvironmentCredential(authority=authority),
    "workload": lambda authority: WorkloadIdentityCredential(authority=authority),
    "managed": lambda _: ManagedIdentityCredential(),
}


def credential(kind: str, cloud: Cloud) -> TokenCredential:
    """The credential of a kind that `envsync.yaml` may hold. Signs nobody in yet.

    Raises:
        TargetError: what it is made from is not there, such as the variables of a workload
            identity.
    """
    try:
        return _KINDS[kind](cloud.authority)
    except (AzureError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise TargetError(
            f"There is no {kind} identity to sign in with: {reason} Set up what `credential: "
            f"{kind}` needs (docs/azure.md), or choose another credential in envsync.yaml."
        ) from error
