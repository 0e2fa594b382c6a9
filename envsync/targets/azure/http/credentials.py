"""Signs in to Azure with the credential that a target's settings select."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
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

from envsync.model.addresses import DOCUMENTATION
from envsync.model.errors import TargetError
from envsync.targets.azure.http import federated
from envsync.targets.azure.http.clouds import Cloud

# azure-identity waits 10 seconds for the Azure CLI by default, which is often too short.
_CLI_SECONDS: Final = 60
"""Seconds to wait for the Azure CLI, which starts slowly on a busy machine."""

_EXPIRING: Final = 600
"""A token that expires in fewer seconds is not used for new requests. azure-core itself asks for a
new token 300 seconds before the old one expires."""

_KINDS: Final[Mapping[str, Callable[[Cloud], TokenCredential]]] = {
    "default": lambda cloud: DefaultAzureCredential(
        authority=cloud.authority,
        process_timeout=_CLI_SECONDS,
        managed_identity_client_id=_client_id(),
    ),
    # `AzureCliCredential` has no parameter for the cloud: `az cloud set` selects the cloud.
    "cli": lambda _: AzureCliCredential(process_timeout=_CLI_SECONDS),
    "environment": lambda cloud: EnvironmentCredential(authority=cloud.authority),
    "github": federated.github,
    "pipelines": federated.pipelines,
    "workload": lambda cloud: WorkloadIdentityCredential(authority=cloud.authority),
    "managed": lambda _: ManagedIdentityCredential(client_id=_client_id()),
}

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
        "Check the service connection of the task, and that its application trusts Azure "
        f"Pipelines: {DOCUMENTATION}/how-to/azure.md#signing-in"
    ),
    "workload": (
        "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, a file with the "
        "federated token, or choose another `credential` in envsync.yaml."
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
    f"The Azure CLI could not be run, or did not finish within {_CLI_SECONDS} s. Check whether "
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
    "The federated token has expired, and this credential cannot renew it. In GitHub Actions use "
    "`credential: github`, in Azure Pipelines `credential: pipelines`, which request a new token "
    f"for each sign-in: {DOCUMENTATION}/how-to/azure.md#signing-in"
)
_WRONG_CLOCK: Final = (
    "Azure refused a new token of this job because of its time. Check the clock of this machine."
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
# `_OWN_SIGNS` has phrases for single credentials. The phrases of a credential are used only if
# `envsync.yaml` selects this credential. The default credential tries several credentials, and its
# message contains the errors of all of them.
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


class NotSignedIn(ClientAuthenticationError):
    """No credential could sign in. The message is one line that says what to do."""


class SignIn:
    """A credential that raises `NotSignedIn` for every failure of azure-identity.

    The service can refuse a token that has not expired, for example because it was revoked or
    because the clock of this machine is wrong. azure-identity keeps such a token in its cache, so
    `renewed` signs in with a new credential, whose cache is empty.
    """

    def __init__(self, kind: str, make: Callable[[], TokenCredential]) -> None:
        """Creates the credential. Does not sign in.

        Args:
            kind: the value of `credential` in `envsync.yaml`.
            make: a function that returns a credential with an empty cache.

        Raises:
            AzureError, ValueError: the credential cannot be created.
        """
        self._kind = kind
        self._make = make
        self._credential = make()
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[str, ...]] = {}
        self._replaced: dict[str, str] = {}
        self._tokens: dict[tuple[object, ...], Future[AccessToken]] = {}
        self._choosing = threading.Lock()

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Returns a token for the scopes, as azure-core's protocol `TokenCredential` requires.

        If several threads need the same token, one of them signs in. Some credentials, such as the
        Azure CLI, start a program for each token.

        Raises:
            NotSignedIn: the credential could not sign in.
        """
        key = (*scopes, *sorted(options.items()))
        with self._choosing:
            token = self._tokens.get(key)
            # Azure sends claims if it refuses a token that has not expired.
            if token is not None and not options.get("claims") and _is_usable(token):
                ours = None
            else:
                ours = token = self._tokens[key] = Future()
        if ours is not None:
            try:
                ours.set_result(self._sign_in(scopes, options))
            except BaseException as error:
                ours.set_exception(error)
                raise
        return token.result()

    def _sign_in(self, scopes: tuple[str, ...], options: Mapping[str, Any]) -> AccessToken:
        try:
            found = self._credential.get_token(*scopes, **options)
        # azure-identity raises OSError for an unreadable token file, and ValueError for malformed
        # ids.
        except (AzureError, OSError, ValueError) as error:
            raise NotSignedIn(message=advice(self._kind, error)) from error
        self._asked[found.token] = scopes
        return found

    def current(self, token: str) -> str:
        """Returns the replacement of a refused token, or `token` if it has no replacement."""
        return self._replaced.get(token, token)

    def renewed(self, token: str) -> str | None:
        """Returns a new token in place of a token that the service has refused.

        Returns None if the credential returns the refused token again, or if the refused token is
        not from this credential.

        Raises:
            NotSignedIn: the credential could not sign in.
        """
        with self._lock:
            # Another thread can have replaced the same token in the meantime.
            if token in self._replaced:
                return self._replaced[token]
            if (scopes := self._asked.get(token)) is None:
                return None
            self._credential = self._make()
            with self._choosing:
                self._tokens.clear()
            fresh = self.get_token(*scopes).token
            if fresh == token:
                return None
            # The refused token can itself be the replacement of older tokens. The new token becomes
            # the replacement of the older tokens as well.
            olds = [old for old, new in self._replaced.items() if new == token]
            self._replaced.update(dict.fromkeys((*olds, token), fresh))
            return fresh


def _is_usable(token: Future[AccessToken]) -> bool:
    """Returns whether a thread gets the token now, or the token expires in more than 10 minutes."""
    if not token.done():
        return True
    return token.exception() is None and token.result().expires_on - time.time() > _EXPIRING


def credential(kind: str, cloud: Cloud) -> SignIn:
    """Returns the credential that `credential` in `envsync.yaml` selects. Does not sign in.

    In a job of GitHub Actions or Azure Pipelines that can request tokens, `default` selects these
    tokens.

    Raises:
        TargetError: a required environment variable is missing, such as `AZURE_CLIENT_ID`.
    """
    if kind == "default":
        kind = federated.detected() or kind
    try:
        return SignIn(kind, lambda: _KINDS[kind](cloud))
    except (AzureError, ValueError) as error:
        raise TargetError(advice(kind, error)) from error


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


def _client_id() -> str | None:
    """Returns the client id of a user-assigned identity, or None if the variable is empty."""
    return os.environ.get("AZURE_CLIENT_ID") or None
