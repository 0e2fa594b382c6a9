"""The message of a failed sign-in: why it failed, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from envsync.model.addresses import DOCUMENTATION
from envsync.targets.azure.http import federated

# azure-identity waits 10 seconds for the Azure CLI by default, which is often too short.
CLI_SECONDS: Final = 60
"""Seconds to wait for the Azure CLI, which starts slowly on a busy machine."""

_NEEDS: Final[Mapping[str, str]] = {
    "default": (
        "Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. In a job "
        "of GitHub Actions, set AZURE_TENANT_ID and AZURE_CLIENT_ID, and give the job the "
        f"permission `id-token: write`: {DOCUMENTATION}/how-to/azure.md#signing-in"
    ),
    "cli": "Run `az login`.",
    "environment": (
        "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or choose another "
        "`credential` in envsync.yaml."
    ),
    "github": (
        "Check AZURE_TENANT_ID and AZURE_CLIENT_ID in the workflow, and the federated credential "
        f"of the application: {DOCUMENTATION}/how-to/azure.md#github-actions-without-a-secret"
    ),
    "pipelines": (
        "Check the service connection of the task, and check that its application trusts Azure "
        f"Pipelines: {DOCUMENTATION}/how-to/azure.md#signing-in"
    ),
    "workload": (
        "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE (the path of a file "
        "with the federated token), or choose another `credential` in envsync.yaml."
    ),
    "managed": (
        "Run envsync on a machine in Azure that has a managed identity. If the identity is "
        "user-assigned, set AZURE_CLIENT_ID. Or choose another `credential` in envsync.yaml."
    ),
}

_UNTRUSTED: Final = (
    "The certificate of Azure's sign-in is not trusted: a proxy between this machine and Azure "
    "intercepts TLS connections. Set REQUESTS_CA_BUNDLE to a file with the proxy's certificate "
    "authority."
)
_NO_CLI: Final = (
    "The Azure CLI is not installed, or not on the PATH. Install it and run `az login`, or choose "
    "another `credential` in envsync.yaml."
)
_SLOW_CLI: Final = (
    f"The Azure CLI could not be run, or did not finish within {CLI_SECONDS} s. Check whether "
    "`az account get-access-token` works."
)
_EXPIRED: Final = (
    "The client secret has expired. Create a new one, and set AZURE_CLIENT_SECRET to it."
)
_UNKNOWN: Final = (
    "Azure does not recognize the application, its tenant or its secret. Check AZURE_TENANT_ID, "
    "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."
)
_FEDERATION: Final = (
    "The application does not trust this workflow: its federated credential names another "
    "repository, branch or environment. Add a federated credential for this workflow: "
    f"{DOCUMENTATION}/how-to/azure.md#github-actions-without-a-secret"
)
_OLD_ASSERTION: Final = (
    "The federated token has expired, and this credential cannot renew it. Use `credential: "
    "github` in GitHub Actions, or `credential: pipelines` in Azure Pipelines. These credentials "
    f"request a new token for each sign-in: {DOCUMENTATION}/how-to/azure.md#signing-in"
)
_WRONG_CLOCK: Final = (
    "Azure did not accept a new token of this job, because the token is not valid now. "
    "Check the clock of this machine."
)
_NO_CONNECTION: Final = (
    "Azure Pipelines issued no token for the service connection. Check that the service connection "
    "uses workload identity federation, that this pipeline has access to it, and that "
    "SYSTEM_ACCESSTOKEN is `$(System.AccessToken)`."
)
_AGAIN: Final = "The sign-in has expired or was revoked. Run `az login`."
_UNREACHABLE: Final = (
    "Azure's sign-in cannot be reached. Check the network, and HTTPS_PROXY if there is a proxy."
)

# `_SIGNS` maps phrases in the errors of azure-identity, the Azure CLI and Microsoft Entra to
# messages. The AADSTS numbers are listed at
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes. The first matching
# phrase is used. CERTIFICATE_VERIFY_FAILED is first, because the text of a certificate failure also
# contains "Max retries exceeded".
_SIGNS: Final = tuple(
    (re.compile(sign), sentence)
    for sign, sentence in (
        ("CERTIFICATE_VERIFY_FAILED", _UNTRUSTED),
        ("AADSTS7000222", _EXPIRED),
        ("AADSTS700024", _OLD_ASSERTION),
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
# `_OWN_SIGNS` has phrases that are valid for only one credential. The default credential does not
# use these phrases, because its message contains the errors of several credentials.
_OWN_SIGNS: Final = {
    "cli": (
        (re.compile("CLI not found"), _NO_CLI),
        (re.compile("Failed to (invoke|execute)"), _SLOW_CLI),
    ),
    "github": ((re.compile("AADSTS700024"), _WRONG_CLOCK),),
    "pipelines": (
        (re.compile("AADSTS700024"), _WRONG_CLOCK),
        (re.compile("OIDC token|Expecting value|JSON is invalid"), _NO_CONNECTION),
    ),
    # The credential requests a managed identity at an address that exists only on machines in Azure
    # (169.254.169.254). If this request times out, the machine has no managed identity, even if the
    # network works.
    "managed": ((re.compile(""), f"Not signed in to Azure. {_NEEDS['managed']}"),),
}


def advice(kind: str, error: Exception) -> str:
    """Returns one line that says why a credential could not sign in and what to do."""
    if isinstance(error, federated.MissingVariables):
        return str(error)
    if isinstance(error, federated.NoAssertion):
        return str(error.message)
    if isinstance(error, OSError) and error.filename:
        return f"The token file {error.filename} cannot be read: {error.strerror}. {_NEEDS[kind]}"
    # The error of the managed identity is ignored, because most machines have no managed identity.
    lines = (line for line in str(error).splitlines() if "\tManagedIdentityCredential:" not in line)
    text = "\n".join(lines)
    for sign, sentence in (*_OWN_SIGNS.get(kind, ()), *_SIGNS):
        if sign.search(text):
            return sentence
    return f"Not signed in to Azure. {_NEEDS[kind]}"
