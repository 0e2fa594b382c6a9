"""Downloads the files of a build context from a storage account."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from envsync.model.errors import ContextUnavailable, TargetError
from envsync.model.value import Value
from envsync.targets.azure.http.errors import RequestRefused, explained
from envsync.targets.azure.http.upload_retries import UploadRetries

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties, ContainerClient

_NEVER_WRITTEN: Final = frozenset({"", ".", "..", ".git", ".envsync"})
"""A blob is not written if a part of its path is one of these names.

`..` would leave the directory. A `.git` directory can contain commands that git executes.
"""


class Storage(Value, frozen=True):
    """A container in a storage account.

    Attributes:
        host: the host of the blob service.
        container: the name of the container.
        secret: a SAS token, the key of the account, or a credential.
    """

    unshown = ("secret",)

    host: str
    container: str
    secret: str | TokenCredential


def download(storage: Storage, prefix: str, destination: Path, *, time_limit: float) -> bool:
    """Downloads all blobs below a prefix into a new directory.

    Args:
        storage: the container.
        prefix: the beginning of the blobs' names, with a `/` at the end.
        destination: the directory to create.
        time_limit: the seconds for which a failing request is repeated.

    Returns:
        False if there is no blob below the prefix. In this case, the directory is not created.

    Raises:
        ContextUnavailable: the container does not exist, or the name of a blob is not safe as the
            path of a file.
        TargetError: the storage account cannot be reached, or refuses a request.
    """
    from azure.storage.blob import ContainerClient

    url = f"https://{storage.host}"
    policy = UploadRetries(time_limit, purpose="download")
    client = ContainerClient(url, storage.container, credential=storage.secret, retry_policy=policy)
    try:
        with closing(client):
            blobs = list(client.list_blobs(name_starts_with=prefix, include=["metadata"]))
            if not blobs:
                return False
            policy.start(len(blobs), sum(blob.size or 0 for blob in blobs))
            destination.mkdir(parents=True)
            for blob in blobs:
                _write(client, blob, destination, prefix)
    except BaseException as error:  # includes Ctrl-C, because a partial copy would look complete
        shutil.rmtree(destination, ignore_errors=True)
        if isinstance(error, RequestRefused) and error.status == 404:
            raise ContextUnavailable(
                f"because the storage of the workspace has no container {storage.container}"
            ) from error
        if isinstance(error, AzureError):
            raise explained(error, url) from error
        if isinstance(error, OSError):
            raise TargetError(f"{destination} cannot be written: {error}.") from error
        raise
    return True


def _write(client: ContainerClient, blob: BlobProperties, directory: Path, prefix: str) -> None:
    parts = blob.name.removeprefix(prefix).split("/")
    # Data Lake Storage lists a directory as an empty blob with this metadata.
    is_directory = (blob.metadata or {}).get("hdi_isfolder") == "true"
    if _NEVER_WRITTEN.intersection(parts) or any(_unsafe(part) for part in parts):
        raise ContextUnavailable(f"because a file has the name '{'/'.join(parts)}'")
    path = directory.joinpath(*parts)
    if is_directory:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # The mode "x" fails if two names refer to the same file, for example on a file system that
    # ignores case.
    with path.open("xb") as file:
        # Do not request an empty blob: the client requests ranges of bytes, and the storage account
        # refuses each range of an empty blob.
        for chunk in _chunks(client, blob) if blob.size else ():
            file.write(chunk)


def _chunks(client: ContainerClient, blob: BlobProperties) -> Iterator[bytes]:
    return client.download_blob(blob.name).chunks()


def _unsafe(part: str) -> bool:
    # On Windows, a `\` or `:` in a name could lead to another directory or drive.
    return any(character in part for character in "\\:\0")
