"""Datastores, their secrets, and shared access signatures (SAS) for uploads of build contexts.

The signatures must be valid, because Azurite verifies them. Their format:
https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlencode

from msgspec.structs import replace

from envsync.emulator.service.errors import user_error
from envsync.emulator.settings import BLOB_API_VERSION, SUBSCRIPTION_ID, Settings, stable_id
from envsync.model.canonical import JSON

DEFAULT_DATASTORE = "workspaceblobstore"

_SKEW = timedelta(minutes=15)
"""A signature's validity starts this long before its creation, because clocks differ."""


def signing(settings: Settings, *, refused: bool) -> Settings:
    """Returns the settings to sign with. If `refused` is True, the settings contain a wrong key."""
    if not refused:
        return settings
    return replace(settings, blob_key=base64.b64encode(b"the key of another account").decode())


def container_sas(settings: Settings, container: str, *, now: datetime, lifetime: timedelta) -> str:
    """Returns a SAS to read, write and list a blob container, as a query string.

    Args:
        settings: the account and its key.
        container: the name of the container.
        now: the current time.
        lifetime: how long the signature is valid.
    """
    fields = {
        "sv": BLOB_API_VERSION,
        "st": _stamp(now - _SKEW),
        "se": _stamp(now + lifetime),
        # The signature is for the whole container, because clients upload many files with it.
        "sr": "c",
        # The signature permits to read, add, create, write and list, but not to delete.
        "sp": "racwl",
        "spr": "https",
    }
    # Every field has one line, in the order of the documentation. Unused fields are empty lines:
    # the identifier, the IP range, and at the end the snapshot time, encryption scope and response
    # headers.
    unused = ""
    to_sign = [
        fields["sp"],
        fields["st"],
        fields["se"],
        f"/blob/{settings.blob_account}/{container}",
        unused,
        unused,
        fields["spr"],
        fields["sv"],
        fields["sr"],
        *[unused] * 7,
    ]
    text = "\n".join(to_sign)
    key = base64.b64decode(settings.blob_key)
    signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256))
    return urlencode({**fields, "sig": signature.decode()})


def datastore_properties(settings: Settings, workspace: str) -> dict[str, JSON]:
    """Returns the `properties` of a workspace's default datastore, as in a recorded response."""
    return {
        "description": None,
        "tags": None,
        "properties": None,
        "isDefault": True,
        "credentials": {"credentialsType": "AccountKey"},
        "datastoreType": "AzureBlob",
        "accountName": settings.blob_account,
        "containerName": settings.blob_container(workspace),
        # Remove the first two labels of the blob service's host: the account and `blob`.
        "endpoint": "core.windows.net",
        "protocol": "https",
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
    }


def datastore_secrets(
    settings: Settings, workspace: str, *, body: JSON, now: datetime
) -> dict[str, JSON]:
    """Returns the secret of a workspace's default datastore: the account's key, or a SAS.

    Args:
        settings: the account and its key.
        workspace: the name of the workspace.
        body: `{"expirableSecret": true, "expireAfterHours": N}` requests a SAS.
        now: the current time.

    Raises:
        ServiceError: the number of hours is invalid (400).
    """
    if not isinstance(body, dict) or body.get("expirableSecret") is not True:
        return {"secretsType": "AccountKey", "key": settings.blob_key}
    hours = body.get("expireAfterHours", 1)
    # Use `type` instead of `isinstance`, because a bool is an instance of int.
    if type(hours) is not int or hours < 1:
        raise user_error(f"expireAfterHours is {hours!r}; it must be a whole number, at least 1.")
    container = settings.blob_container(workspace)
    sas = container_sas(settings, container, now=now, lifetime=timedelta(hours=hours))
    return {"secretsType": "Sas", "sasToken": sas}


def upload_container(registry: str, name: str, version: str) -> str:
    """Returns the name of the blob container for the upload of one registry version.

    The name has the same form as in recorded responses.
    """
    # Names of containers have at most 63 characters, of which the GUID needs 36.
    return f"{registry.lower()[:20]}-{stable_id('registry', registry, name, version)}"


def temporary_data_reference(settings: Settings, container: str, now: datetime) -> dict[str, JSON]:
    """Returns the response to a request for an upload to a registry, as in a recorded response.

    Args:
        settings: the account and its key.
        container: the blob container for the upload.
        now: the current time.
    """
    account = settings.blob_account
    sas = container_sas(settings, container, now=now, lifetime=timedelta(hours=8))
    return {
        "blobReferenceForConsumption": {
            "blobUri": f"{settings.blob_endpoint}:443/{container}",
            "storageAccountArmId": f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/"
            f"registry-storage/providers/Microsoft.Storage/storageAccounts/{account}",
            "credential": {
                "credentialType": "SAS",
                "sasUri": f"{settings.blob_endpoint}/{container}?{sas}",
                "wasbsUri": None,
            },
        },
        "imageReferenceForConsumption": None,
        "temporaryDataReferenceId": stable_id("reference", container),
        "temporaryDataReferenceType": None,
    }


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
