"""Where clients upload build contexts: datastores, their secrets, and signed addresses.

Signatures are real: the blob store that the emulator starts beside itself checks them. They follow
https://learn.microsoft.com/rest/api/storageservices/create-service-sas.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlencode

from envsync.emulator.service.errors import user_error
from envsync.emulator.settings import SUBSCRIPTION_ID, Settings, stable_id
from envsync.model.canonical import JSON

DEFAULT_DATASTORE = "workspaceblobstore"
_SAS_VERSION = "2021-08-06"
_SKEW = timedelta(minutes=15)


def container_sas(settings: Settings, container: str, now: datetime, lifetime: timedelta) -> str:
    """A signature that lets its holder read, write and list one blob container, as a query."""
    fields = {
        "sv": _SAS_VERSION,
        "st": _stamp(now - _SKEW),
        "se": _stamp(now + lifetime),
        "sr": "c",
        "sp": "racwl",
        "spr": "https",
    }
    text = "\n".join(
        (
            *(fields["sp"], fields["st"], fields["se"]),
            f"/blob/{settings.blob_account}/{container}",
            *("", "", fields["spr"], fields["sv"], fields["sr"]),
            *("", "", "", "", "", "", ""),
        )
    )
    key = base64.b64decode(settings.blob_key)
    signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256))
    return urlencode({**fields, "sig": signature.decode()})


def datastore_properties(settings: Settings, workspace: str) -> dict[str, JSON]:
    """The `properties` of a workspace's default datastore (recorded)."""
    return {
        "description": None,
        "tags": None,
        "properties": None,
        "isDefault": True,
        "credentials": {"credentialsType": "AccountKey"},
        "datastoreType": "AzureBlob",
        "accountName": settings.blob_account,
        "containerName": settings.blob_container(workspace),
        "endpoint": "core.windows.net",
        "protocol": "https",
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
    }


def datastore_secrets(
    settings: Settings, workspace: str, body: JSON, now: datetime
) -> dict[str, JSON]:
    """What opens a workspace's default datastore: its key, or a signature that expires.

    Args:
        settings: the account and its key.
        workspace: whose datastore it is.
        body: `{"expirableSecret": true, "expireAfterHours": N}` asks for a signature.
        now: the current time.

    Raises:
        ServiceError: the number of hours is none (400).
    """
    if not isinstance(body, dict) or body.get("expirableSecret") is not True:
        return {"secretsType": "AccountKey", "key": settings.blob_key}
    hours = body.get("expireAfterHours", 1)
    if type(hours) is not int or hours < 1:
        raise user_error("expireAfterHours has to be a whole number of hours.")
    container = settings.blob_container(workspace)
    sas = container_sas(settings, container, now, timedelta(hours=hours))
    return {"secretsType": "Sas", "sasToken": sas}


def upload_container(registry: str, name: str, version: str) -> str:
    """The blob container for one version's upload to a registry: each has its own (recorded)."""
    return f"{registry.lower()[:20]}-{stable_id('registry', registry, name, version)}"


def temporary_data_reference(settings: Settings, container: str, now: datetime) -> dict[str, JSON]:
    """Where a client may upload what a registry's version is made of (recorded)."""
    account = settings.blob_account
    sas = container_sas(settings, container, now, timedelta(hours=8))
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
