"""Signs in to Azure from a job of GitHub Actions or Azure Pipelines, without a secret.

The CI system issues a token that is valid for some minutes, and Microsoft Entra ID exchanges this
token for an access token. Each sign-in requests a new token from the CI system, so that a job can
run longer than the lifetime of a token: https://docs.github.com/actions/reference/security/oidc
https://learn.microsoft.com/azure/devops/pipelines/release/configure-workload-identity
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from azure.core import PipelineClient
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import AzurePipelinesCredential, ClientAssertionCredential

from envsync.targets.azure.http.clouds import Cloud

Kind: TypeAlias = Literal["github", "pipelines"]

_PERMISSION: Final = (
    "Give the job the permission `id-token: write`. GitHub then sets ACTIONS_ID_TOKEN_REQUEST_URL "
    "and ACTIONS_ID_TOKEN_REQUEST_TOKEN. A pull request from a fork never gets this permission."
)
_APPLICATION: Final = (
    "Set AZURE_TENANT_ID and AZURE_CLIENT_ID in the workflow to the ids of the application that "
    "trusts this repository."
)
_CONNECTION: Final = (
    "Run envsync in the task AzureCLI@2 with a service connection that uses workload identity "
    "federation. The task sets the variables that start with AZURESUBSCRIPTION_."
)

# The variables that each credential needs. For each variable, a sentence says how to set the
# variable.
_VARIABLES: Final[Mapping[Kind, Mapping[str, str]]] = {
    "github": {
        "ACTIONS_ID_TOKEN_REQUEST_URL": _PERMISSION,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": _PERMISSION,
        "AZURE_TENANT_ID": _APPLICATION,
        "AZURE_CLIENT_ID": _APPLICATION,
    },
    "pipelines": {
        "SYSTEM_OIDCREQUESTURI": "Azure Pipelines sets SYSTEM_OIDCREQUESTURI in each job.",
        "SYSTEM_ACCESSTOKEN": (
            "Add `SYSTEM_ACCESSTOKEN: $(System.AccessToken)` to the `env` of the task."
        ),
        "AZURESUBSCRIPTION_TENANT_ID": _CONNECTION,
        "AZURESUBSCRIPTION_CLIENT_ID": _CONNECTION,
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": _CONNECTION,
    },
}
# For each CI system, a variable that is set in every job of this system. If the variable is not
# set, envsync does not run in such a job.
_IN_JOB: Final[Mapping[Kind, tuple[str, str]]] = {
    "github": ("GITHUB_ACTIONS", "GitHub Actions"),
    "pipelines": ("TF_BUILD", "Azure Pipelines"),
}

# If one of these variables is set, `credential: default` signs in as azure-identity's
# DefaultAzureCredential does.
_OTHER_WAYS: Final = (
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_USERNAME",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_TOKEN_CREDENTIALS",
)

# The audience that federated credentials have in each cloud:
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
_AUDIENCES: Final = {
    "AzureCloud": "api://AzureADTokenExchange",
    "AzureUSGovernment": "api://AzureADTokenExchangeUSGov",
    "AzureChinaCloud": "api://AzureADTokenExchangeChina",
}

_RETRIES: Final = 4
"""The maximum number of retries of a request to GitHub. The delay grows with each retry."""

_TIMEOUT: Final = 30
"""Seconds to wait for a connection to GitHub, and for GitHub's response."""


class NoAssertion(ClientAuthenticationError):
    """The CI system issued no token. The message is one line that says what to do."""


class MissingVariables(ValueError):
    """Environment variables are not set. The message is one line that says how to set them."""


def detected() -> Kind | None:
    """Returns the CI system whose tokens `credential: default` uses.

    Returns None if envsync does not run in a CI system, if a required environment variable is not
    set, or if an environment variable selects another way to sign in, such as a client secret.
    """
    if any(os.environ.get(name) for name in _OTHER_WAYS):
        return None
    return next((kind for kind in _VARIABLES if not _missing(kind)), None)


def github(cloud: Cloud) -> ClientAssertionCredential:
    """Returns a credential that signs in with the tokens that GitHub Actions issues to a job.

    Raises:
        MissingVariables: an environment variable is not set.
    """
    values = _values("github")
    return ClientAssertionCredential(
        values["AZURE_TENANT_ID"],
        values["AZURE_CLIENT_ID"],
        _github_tokens(
            values["ACTIONS_ID_TOKEN_REQUEST_URL"],
            values["ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
            audience=_AUDIENCES[cloud.name],
        ),
        authority=cloud.authority,
    )


def pipelines(cloud: Cloud) -> AzurePipelinesCredential:
    """Returns a credential that signs in with the tokens that Azure Pipelines issues to a job.

    Raises:
        MissingVariables: an environment variable is not set.
    """
    values = _values("pipelines")
    return AzurePipelinesCredential(
        tenant_id=values["AZURESUBSCRIPTION_TENANT_ID"],
        client_id=values["AZURESUBSCRIPTION_CLIENT_ID"],
        service_connection_id=values["AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"],
        system_access_token=values["SYSTEM_ACCESSTOKEN"],
        authority=cloud.authority,
    )


def _github_tokens(url: str, token: str, *, audience: str) -> Callable[[], str]:
    """Returns a function that requests a new token from GitHub at each call."""
    host = urlsplit(url).hostname or url
    retry = RetryPolicy(retry_total=_RETRIES)
    client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(url, policies=[retry])

    def request_token() -> str:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        request = HttpRequest("GET", _with_audience(url, audience), headers=headers)
        try:
            response = client.send_request(
                request, connection_timeout=_TIMEOUT, read_timeout=_TIMEOUT
            )
        except AzureError as error:
            raise NoAssertion(
                f"GitHub's token endpoint {host} cannot be reached. Check the network, and "
                "HTTPS_PROXY if there is a proxy."
            ) from error
        issued = _issued(response)
        if issued is None:
            raise NoAssertion(
                f"GitHub issued no token: {host} returned the status {response.status_code}. Check "
                "that the job has the permission `id-token: write` and is still running."
            )
        return issued

    return request_token


def _with_audience(url: str, audience: str) -> str:
    separator = "&" if urlsplit(url).query else "?"
    return f"{url}{separator}audience={quote(audience, safe='')}"


def _issued(response: HttpResponse) -> str | None:
    """Returns the token in a response of GitHub, or None if there is no token."""
    if response.status_code != 200:
        return None
    try:
        body = response.json()
    except ValueError:
        return None
    issued = body.get("value") if isinstance(body, dict) else None
    return issued if isinstance(issued, str) and issued else None


def _missing(kind: Kind) -> list[str]:
    # GitHub replaces an undefined variable, such as `${{ vars.AZURE_CLIENT_ID }}`, by an empty
    # string.
    return [name for name in _VARIABLES[kind] if not os.environ.get(name)]


def _values(kind: Kind) -> dict[str, str]:
    missing = _missing(kind)
    if not missing:
        return {name: os.environ[name] for name in _VARIABLES[kind]}
    variable, system = _IN_JOB[kind]
    if os.environ.get(variable):
        fixes = " ".join(dict.fromkeys(_VARIABLES[kind][name] for name in missing))
    else:
        fixes = (
            f"This credential signs in only in a job of {system}. To sign in elsewhere as well, "
            "remove `credential` from envsync.yaml: by default, envsync uses the job's tokens in "
            f"{system}, and another sign-in, such as `az login`, on other machines."
        )
    raise MissingVariables(
        f"`credential: {kind}` needs environment variables that are empty or not set: "
        f"{', '.join(missing)}. {fixes}"
    )
