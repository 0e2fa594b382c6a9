"""What the emulator itself asks of the blob service: that a container be there.

Signed with the account's key, as https://learn.microsoft.com/rest/api/storageservices/
authorize-with-shared-key describes.
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
from envsync.emulator.settings import BLOB_SUFFIX, Settings

_API_VERSION = "2021-08-06"
_EXISTS = 409


def create_container(address: Address, settings: Settings, container: str, authority: Path) -> None:
    """Makes a blob container; does nothing where it is there.

    Args:
        address: where the blob service listens.
        settings: the account and its key.
        container: its name.
        authority: the certificate that the service's is checked with.

    Raises:
        OSError: the service refused.
    """
    host = settings.blob_account + BLOB_SUFFIX
    headers = _signed(settings, f"/{settings.blob_account}/{container}")
    connection = _Connection(address, host, ssl.create_default_context(cafile=authority))
    try:
        connection.request("PUT", f"/{container}?restype=container", headers=headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status not in {201, _EXISTS}:
        raise OSError(f"It answered {status} to a new container.")


def _signed(settings: Settings, resource: str) -> dict[str, str]:
    headers = {
        "x-ms-date": format_datetime(datetime.now(UTC), usegmt=True),
        "x-ms-version": _API_VERSION,
    }
    unused_headers = [""] * 11  # Content-Encoding to Range, in the order of the documentation
    used = (f"{key}:{value}" for key, value in headers.items())
    lines = ("PUT", *unused_headers, *used, resource, "restype:container")
    key = base64.b64decode(settings.blob_key)
    signature = base64.b64encode(hmac.digest(key, "\n".join(lines).encode(), hashlib.sha256))
    authorization = f"SharedKey {settings.blob_account}:{signature.decode()}"
    return {**headers, "Authorization": authorization, "Content-Length": "0"}


class _Connection(http.client.HTTPSConnection):
    """Connects to an address and speaks with the host that it stands for."""

    def __init__(self, address: Address, host: str, context: ssl.SSLContext) -> None:
        super().__init__(host, context=context, timeout=10)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        import socket

        plain = socket.create_connection(self._address, timeout=10)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
