"""Signs in to Azure Container Registry with azure-identity.

A token of Microsoft Entra is exchanged for an identity token of the registry. The page AAD-OAuth in
https://github.com/Azure/acr describes this exchange.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from envsync.images.connection import Connection, RegistryError
from envsync.images.logins import Login
from envsync.model.errors import TargetError
from envsync.model.wording import install

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_CLOUDS: Final = {
    ".azurecr.io": ("AzureCloud", "https://containerregistry.azure.net/.default"),
    ".azurecr.us": ("AzureUSGovernment", "https://management.usgovcloudapi.net/.default"),
    ".azurecr.cn": ("AzureChinaCloud", "https://management.chinacloudapi.cn/.default"),
}
"""Maps the end of a host name to the cloud and the scope of the token."""


def is_azure(registry: str) -> bool:
    """Returns True if the host belongs to Azure Container Registry."""
    return _suffix(registry) is not None


def _suffix(registry: str) -> str | None:
    return next((suffix for suffix in _CLOUDS if registry.endswith(suffix)), None)


def azure_token(registry: str) -> str:
    """Returns a token of Microsoft Entra for a registry.

    Raises:
        RegistryError: nobody is signed in to Azure, or azure-identity is not installed.
    """
    suffix = _suffix(registry)
    if suffix is None:
        raise RegistryError(f"{registry} does not belong to Azure Container Registry.")
    name, scope = _CLOUDS[suffix]
    try:
        from azure.core.exceptions import AzureError

        from envsync.targets.azure.http.clouds import cloud
        from envsync.targets.azure.http.credentials import credential
    except ImportError as error:
        raise RegistryError(
            f"Signing in to {registry} needs azure-identity. Install it with "
            f"`{install('azure')}`, or run `docker login {registry}`."
        ) from error
    try:
        signed_in: TokenCredential = credential("default", cloud(name))
        return signed_in.get_token(scope).token
    except (AzureError, TargetError) as error:
        reason = str(getattr(error, "message", None) or error)
        raise RegistryError(f"{registry} needs a login. {reason}") from error


def exchange(
    base: str, registry: str, connection: Connection, token: Callable[[str], str]
) -> Login:
    """Returns a login for a registry of Azure.

    Args:
        base: the URL of the registry, without `/` at the end.
        registry: the host of the registry.
        connection: the connection.
        token: returns a token of Microsoft Entra for a registry.

    Raises:
        RegistryError: there is no token, or the registry refuses the token.
    """
    answer = connection.send(
        "POST",
        f"{base}/oauth2/exchange",
        form={"grant_type": "access_token", "service": registry, "access_token": token(registry)},
    )
    try:
        refresh = json.loads(answer.body)["refresh_token"] if answer.status == 200 else ""
    except (ValueError, KeyError, TypeError):
        refresh = ""
    if not refresh:
        raise RegistryError(
            f"{registry} refuses the sign-in to Azure (status {answer.status}). Ask for the role "
            "AcrPull on the registry."
        )
    return Login(identity=str(refresh))
