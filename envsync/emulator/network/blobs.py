"""Creates blob containers with the REST API of the blob service.

Requests are signed with the account's key:
https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ssl
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from envsync.emulator.network.tunnel import Address
from envsync.emulator.settings import BLOB_API_VERSION, BLOB_SUFFIX, Settings

_CREATED = 201
_EXISTS = 409


def create_container(
    container: str, *, address: Address, settings: Settings, authority: Path
) -> None:
    """Creates a blob container if it does not exist.

    Args:
        container: the name of the container.
        address: the address of the blob service.
        settings: the account and its key.
        authority: the certificate of the authority that issued the service's certificate.

    Raises:
        OSError: the service cannot be reached, or did not create the container.
    """
    host = settings.blob_account + BLOB_SUFFIX
    headers = _signed("PUT", settings, f"/{settings.blob_account}/{container}")
    connection = _Connection(address, host, ssl.create_default_context(cafile=authority))
    try:
        connection.request("PUT", f"/{container}?restype=container", headers=headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status not in {_CREATED, _EXISTS}:
        raise OSError(f"Azurite did not create the container {container}: HTTP status {status}.")


def _signed(method: str, settings: Settings, resource: str) -> dict[str, str]:
    headers = {
        "x-ms-date": format_datetime(datetime.now(UTC), usegmt=True),
        "x-ms-version": BLOB_API_VERSION,
    }
    # The string to sign has one line for each standard header from Content-Encoding to Range.
    unused_headers = [""] * 11
    used = (f"{key}:{value}" for key, value in headers.items())
    lines = (method, *unused_headers, *used, resource, "restype:container")
    key = base64.b64decode(settings.blob_key)
    signature = base64.b64encode(hmac.digest(key, "\n".join(lines).encode(), hashlib.sha256))
    authorization = f"SharedKey {settings.blob_account}:{signature.decode()}"
    return {**headers, "Authorization": authorization, "Content-Length": "0"}


class _Connection(http.client.HTTPSConnection):
    """An HTTPS connection to an IP address. The server's certificate must be valid for `host`."""

    def __init__(self, address: Address, host: str, context: ssl.SSLContext) -> None:
        super().__init__(host, context=context, timeout=10)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        import socket

        plain = socket.create_connection(self._address, timeout=10)
        # The certificate is valid for the real host name, not for the loopback address.
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
