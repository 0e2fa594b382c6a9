"""The credentials that a target's settings can select."""

from __future__ import annotations

import os
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

from envsync.model.errors import TargetError
from envsync.targets.azure.http import federated
from envsync.targets.azure.http.advice import CLI_SECONDS, advice
from envsync.targets.azure.http.clouds import Cloud
from envsync.targets.azure.http.sign_in import SignIn

_KINDS: Final[Mapping[str, Callable[[Cloud], TokenCredential]]] = {
    "default": lambda cloud: DefaultAzureCredential(
        authority=cloud.authority,
        process_timeout=CLI_SECONDS,
        managed_identity_client_id=_client_id(),
    ),
    # `AzureCliCredential` has no parameter for the cloud: `az cloud set` selects the cloud.
    "cli": lambda _: AzureCliCredential(process_timeout=CLI_SECONDS),
    "environment": lambda cloud: EnvironmentCredential(authority=cloud.authority),
    "github": federated.github,
    "pipelines": federated.pipelines,
    "workload": lambda cloud: WorkloadIdentityCredential(authority=cloud.authority),
    "managed": lambda _: ManagedIdentityCredential(client_id=_client_id()),
}


def credential(kind: str, cloud: Cloud) -> SignIn:
    """Returns the credential that `credential` in `envsync.yaml` selects. Does not sign in.

    `default` selects `github` or `pipelines` in a job of GitHub Actions or Azure Pipelines, if the
    job can request tokens.

    Raises:
        TargetError: a required environment variable is missing, such as `AZURE_CLIENT_ID`.
    """
    if kind == "default":
        kind = federated.detected() or kind
    try:
        return SignIn(kind, lambda: _KINDS[kind](cloud))
    except (AzureError, ValueError) as error:
        raise TargetError(advice(kind, error)) from error


def _client_id() -> str | None:
    """Returns `AZURE_CLIENT_ID`, which selects a user-assigned identity, or None if it is empty."""
    return os.environ.get("AZURE_CLIENT_ID") or None
