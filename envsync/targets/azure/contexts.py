"""`UploadedContexts`: downloads build contexts from the default datastore of a workspace.

azure-ai-ml uploads a build context to the default datastore, and registers the address of the
files. A user who can read the datastore can therefore download the files.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from azure.core.credentials import TokenCredential
from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.errors import ContextUnavailable, TargetError
from envsync.targets.azure.http.downloads import Storage, download
from envsync.targets.azure.http.errors import RequestRefused
from envsync.targets.azure.http.rest import Rest

API_VERSION: Final = "2024-10-01-preview"
"""The api-version that azure-ai-ml uses for datastores."""

_DATASTORE: Final = "workspaceblobstore"
"""The datastore to which azure-ai-ml uploads build contexts."""

_ELSEWHERE: Final = "because the files are not in the default datastore of the workspace"


_URL: Final = re.compile(
    r"https://(?P<host>[^/:]+)(?::443)?/(?P<container>[^/]+)/(?P<path>[^/].*)", re.DOTALL
)


class UploadedContexts:
    """The build contexts in the default datastore of a workspace. Thread-safe."""

    def __init__(
        self, rest: Rest, workspace: str, credential: TokenCredential, *, time_limit: float
    ) -> None:
        """Does not connect: the first download reads the settings of the datastore.

        Args:
            rest: the signed-in connection.
            workspace: the URL of the workspace.
            credential: the credential of the user, which is used if the datastore stores no secret.
            time_limit: the seconds for which a failing request is repeated.
        """
        self._rest = rest
        self._datastore = f"{workspace}/datastores/{_DATASTORE}"
        self._credential = credential
        self._time_limit = time_limit
        self._lock = threading.Lock()
        self._found: Storage | None = None

    def fetch(self, uri: str, destination: Path) -> None:
        """Downloads the files at the address of a build context into a new directory.

        Raises:
            ContextUnavailable: the files are in another storage account, or do not exist.
            TargetError: the datastore or the storage account cannot be read.
        """
        address = _address(uri)
        if address is None:
            raise ContextUnavailable(_ELSEWHERE)
        storage = self._storage()
        if (address.host, address.container) != (storage.host, storage.container):
            raise ContextUnavailable(_ELSEWHERE)
        # azure-ai-ml does not escape the name of the directory in the registered URL, but other
        # clients do. Try both forms.
        for prefix in dict.fromkeys((address.path, unquote(address.path))):
            if download(storage, prefix, destination, time_limit=self._time_limit):
                return
        raise ContextUnavailable("because the storage of the workspace no longer has the files")

    def _storage(self) -> Storage:
        with self._lock:
            if self._found is None:
                self._found = self._read_storage()
            return self._found

    def _read_storage(self) -> Storage:
        parameters = {"api-version": API_VERSION}
        found = self._rest.get(self._datastore, parameters)
        properties = found.get("properties") if isinstance(found, dict) else None
        if not isinstance(properties, dict):
            raise ContextUnavailable(f"because the workspace has no datastore {_DATASTORE}")
        # A datastore of Data Lake Storage Gen2 has a `filesystem`, which is a blob container.
        container = properties.get("containerName") or properties.get("filesystem")
        account, endpoint = properties.get("accountName"), properties.get("endpoint")
        if not container or not account:
            raise ContextUnavailable(f"because the datastore {_DATASTORE} is not a blob container")
        host = f"{account}.blob.{endpoint or 'core.windows.net'}"
        return Storage(host, str(container), self._secret(properties, parameters))

    def _secret(
        self, properties: dict[str, JSON], parameters: dict[str, str]
    ) -> str | TokenCredential:
        """Returns a SAS token or a key for the datastore, or the credential of the user.

        A datastore without a secret is read with the identity of the user, as in azure-ai-ml.
        """
        credentials = properties.get("credentials")
        kind = credentials.get("credentialsType") if isinstance(credentials, dict) else None
        if kind in (None, "None"):
            return self._credential
        body: dict[str, JSON] = {"expirableSecret": True, "expireAfterHours": 1}
        try:
            secrets = self._rest.post(f"{self._datastore}/listSecrets", parameters, body)
        except RequestRefused:
            # A user with the role Reader in the workspace cannot list secrets, but this user can
            # have a role in the storage account.
            return self._credential
        found = secrets if isinstance(secrets, dict) else {}
        secret = found.get("sasToken") or found.get("key")
        if not isinstance(secret, str):
            raise TargetError(f"The service returned no secret for the datastore {_DATASTORE}.")
        return secret


class _Address(Struct, frozen=True):
    """The parts of the URL of a build context. `path` ends in `/`."""

    host: str
    container: str
    path: str


def _address(uri: str) -> _Address | None:
    """Parses the URL of a build context.

    Returns None if the URL is not an address of blobs in a container.
    """
    # `urlsplit` would end the path at a `#` or `?`, which the name of a directory can contain.
    found = _URL.fullmatch(uri)
    if found is None:
        return None
    host = found["host"].lower().replace(".dfs.", ".blob.", 1)
    return _Address(host, found["container"], found["path"].rstrip("/") + "/")
