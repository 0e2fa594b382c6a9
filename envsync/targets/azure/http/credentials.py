"""Who envsync is in Azure: the credential that a target's settings choose, and why it fails."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity import (
    AzureCliCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from envsync.model.errors import TargetError
from envsync.targets.azure.http.clouds import Cloud

_CLI_SECONDS: Final = 60
"""Patience for the Azure CLI, which starts slowly on a busy machine; its own default is 10."""

_KINDS: Final[Mapping[str, Callable[[str], TokenCredential]]] = {
    "default": lambda authority: DefaultAzureCredential(
        authority=authority, process_timeout=_CLI_SECONDS
    ),
    # The Azure CLI knows its cloud itself (`az cloud set`).
    "cli": lambda _: AzureCliCredential(process_timeout=_CLI_SECONDS),
    "environment": lambda authority: EnvironmentCredential(authority=authority),
    "workload": lambda authority: WorkloadIdentityCredential(authority=authority),
    "managed": lambda _: ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID")),
}

_NEEDS: Final[Mapping[str, str]] = {
    "default": (
        "Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or in a "
        "workflow sign in with azure/login (docs/azure.md)."
    ),
    "cli": "Run `az login`.",
    "environment": (
        "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or choose another "
        "`credential` in envsync.yaml."
    ),
    "workload": (
        "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, a file with the "
        "federated token, or choose another `credential` in envsync.yaml."
    ),
    "managed": (
        "Run it on a machine in Azure that has a managed identity, with AZURE_CLIENT_ID set where "
        "that is a user-assigned one, or choose another `credential` in envsync.yaml."
    ),
}

_UNTRUSTED: Final = (
    "The certificate of Azure's sign-in is not trusted: something between here and Azure, such as "
    "a company proxy, opens TLS connections. Set REQUESTS_CA_BUNDLE to a file with that proxy's "
    "certificate authority."
)
_NO_CLI: Final = (
    "The Azure CLI is not installed, or not on the PATH. Install it and run `az login`, or choose "
    "another `credential` in envsync.yaml."
)
_SLOW_CLI: Final = (
    f"The Azure CLI could not be run, or did not answer within {_CLI_SECONDS} s. See what "
    "`az account get-access-token` does."
)
_EXPIRED: Final = (
    "The client secret has expired. Make a new one, and set AZURE_CLIENT_SECRET to it."
)
_UNKNOWN: Final = (
    "Azure does not know this application, its tenant or its secret. Check AZURE_TENANT_ID, "
    "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."
)
_FEDERATION: Final = (
    "The application does not trust this workflow: its federated credential names another "
    "repository, branch or environment. Add one for this (docs/azure.md)."
)
_AGAIN: Final = "Azure asks to sign in again. Run `az login`."
_UNREACHABLE: Final = (
    "Azure's sign-in cannot be reached. Check the network, and HTTPS_PROXY if there is a proxy."
)

# What azure-identity, the Azure CLI and Microsoft Entra (AADSTS numbers, documentation) write.
_SIGNS: Final = tuple(
    (re.compile(sign), sentence)
    for sign, sentence in (
        ("CERTIFICATE_VERIFY_FAILED", _UNTRUSTED),
        ("AADSTS7000222", _EXPIRED),
        ("AADSTS7002[0-9]{2}|AADSTS70021", _FEDERATION),
        ("AADSTS(7000215|700016|90002)|invalid_client|get authority configuration", _UNKNOWN),
        ("AADSTS(50078|50079|50076|50173|70043|700082|700084)", _AGAIN),
        (
            "Failed to (resolve|establish)|Name or service not known|getaddrinfo|proxy|timed out|"
            "Connection (refused|aborted|reset)|NameResolutionError|Max retries exceeded",
            _UNREACHABLE,
        ),
    )
)
# The default credential's reasons hold those of all that it tries, so these count for one alone.
_OWN_SIGNS: Final = {
    "cli": (
        (re.compile("CLI not found"), _NO_CLI),
        (re.compile("Failed to (invoke|execute)"), _SLOW_CLI),
    ),
    # It asks an address of the machine itself, so the network is not to blame.
    "managed": ((re.compile(""), f"Not signed in to Azure. {_NEEDS['managed']}"),),
}


class NotSignedIn(ClientAuthenticationError):
    """Nobody could sign in; the message is one line that says what to do."""


class SignIn:
    """A credential whose every failure is `NotSignedIn`, whatever azure-identity raises."""

    def __init__(self, kind: str, credential: TokenCredential) -> None:
        """Signs nobody in yet.

        Args:
            kind: what `credential` in `envsync.yaml` says.
            credential: who signs in.
        """
        self._kind = kind
        self._credential = credential

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for these scopes; azure-core's protocol `TokenCredential`.

        Raises:
            NotSignedIn: there is none.
        """
        try:
            return self._credential.get_token(*scopes, **options)
        except (AzureError, OSError, ValueError) as error:
            raise NotSignedIn(message=advice(self._kind, error)) from error


def credential(kind: str, cloud: Cloud) -> SignIn:
    """The credential of a kind that `envsync.yaml` may hold. Signs nobody in yet.

    Raises:
        TargetError: what it is made from is not there, such as the variables of a workload
            identity.
    """
    try:
        return SignIn(kind, _KINDS[kind](cloud.authority))
    except (AzureError, ValueError) as error:
        raise TargetError(advice(kind, error)) from error


def advice(kind: str, error: Exception) -> str:
    """Why nobody could sign in with a credential of a kind, and what to do, in one line."""
    if isinstance(error, OSError) and error.filename:
        return f"The token file {error.filename} cannot be read: {error.strerror}. {_NEEDS[kind]}"
    # Most machines have no managed identity: that its address does not answer says nothing.
    lines = (line for line in str(error).splitlines() if "\tManagedIdentityCredential:" not in line)
    text = "\n".join(lines)
    for sign, sentence in (*_OWN_SIGNS.get(kind, ()), *_SIGNS):
        if sign.search(text):
            return sentence
    return f"Not signed in to Azure. {_NEEDS[kind]}"
