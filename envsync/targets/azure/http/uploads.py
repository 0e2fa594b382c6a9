"""`Uploads`: makes each upload of a build context end within a time limit.

azure-ai-ml uploads a build context, and has no options for the upload. By default, azure-ai-ml 1.35

- hangs for ever if an upload worker fails, because azure-ai-ml reads the results of its workers
  only if it shows a progress bar;
- refuses to replace the files of an interrupted upload, if the first file was not completely
  uploaded;
- waits up to four hours for one connection, and continues with the other files after a failure;
- lets two uploads of the same content write to the same address at the same time.

envsync therefore turns the progress bar on, and hides it. The storage client gets a pipeline policy
(`UploadRetries`), and each address gets a lock. azure-ai-ml still decides which files are uploaded,
to which address, and what marks an upload as complete.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from envsync.model.errors import TargetError
from envsync.targets.azure.http.upload_retries import UploadRetries


class Uploads:
    """The uploads to one workspace or registry.

    Only one upload writes to an address at a time. Other uploads of the same content wait for the
    first upload, and then find the uploaded files. If the first upload failed, the waiting uploads
    fail with the same reason.
    """

    def __init__(self, time_limit: float) -> None:
        """Creates an object that has no uploads yet. Does not connect.

        Args:
            time_limit: the seconds for which a failing request is repeated.
        """
        self._time_limit = time_limit
        self._locking = threading.Lock()
        self._addresses: defaultdict[tuple[str, ...], _Address] = defaultdict(_Address)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Limits azure-ai-ml's uploads in this thread during the block, and hides their output."""
        _install()
        before = _watching.set(self)
        try:
            yield
        finally:
            _watching.reset(before)

    def limit(self, client: Any, where: Mapping[str, Any]) -> None:
        """Limits the uploads of one of azure-ai-ml's storage clients.

        Args:
            client: a `BlobStorageClient`.
            where: the arguments of the client's constructor: account, container, credential.
        """
        from azure.storage.blob import ContainerClient

        policy = UploadRetries(self._time_limit)
        url, credential = where["account_url"], where["credential"]
        container: ContainerClient
        if name := where.get("container_name"):
            container = ContainerClient(url, name, credential=credential, retry_policy=policy)
        else:
            container = ContainerClient.from_container_url(url, retry_policy=policy)
        client.container_client = container
        # Overwriting is safe, because the address contains the hash of the content. An existing
        # file has the same content, or an interrupted upload left the file incomplete.
        client.overwrite = True
        upload = client.upload

        def limited(source: str, **named: Any) -> Any:
            address = (
                container.primary_hostname,
                container.container_name,
                str(named.get("asset_hash")),
                Path(source).name,
            )
            # Close the client after each upload, because each upload has its own client with open
            # connections.
            with self._address(address).taken(), closing(container):
                policy.start(*_size(Path(source)))
                return upload(source, **named)

        client.upload = limited

    def _address(self, address: tuple[str, ...]) -> _Address:
        with self._locking:
            return self._addresses[address]


class _Address:
    """The address of one build context. Only one upload at a time can write to the address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: list[TargetError] = []

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits until no other upload writes to the address, and then runs the block.

        Raises:
            TargetError: this upload waited for an upload of the same content, and that upload
                failed.
        """
        before = len(self._failures)
        with self._lock:
            if len(self._failures) > before:
                raise self._failures[-1]
            try:
                yield
            except TargetError as error:
                self._failures.append(error)
                raise


# `_watching` has a separate value in each thread, so `Uploads.watched` affects only its own thread.
_watching: ContextVar[Uploads | None] = ContextVar("watching", default=None)
_installing = threading.Lock()
_installed = False


def _install() -> None:
    """Replaces functions of azure-ai-ml, once per process.

    Outside the blocks of `Uploads.watched`, the new functions do the same as the old functions.
    Replacing functions is necessary, because `MLClient` has no arguments for the storage client,
    the progress bar and the function `print`.
    """
    global _installed  # noqa: PLW0603 (one flag, because modules exist once in a process)
    with _installing:
        if _installed:
            return
        artifacts = vars(import_module("azure.ai.ml._artifacts._artifact_utilities"))
        blobs = vars(import_module("azure.ai.ml._artifacts._blob_storage_helper"))
        gen2 = vars(import_module("azure.ai.ml._artifacts._gen2_storage_helper"))
        assets = vars(import_module("azure.ai.ml._utils._asset_utils"))
        kind = blobs["BlobStorageClient"]
        # The four imported modules are private. If a release of azure-ai-ml moves these modules,
        # tests/targets/azure/http/test_uploads.py fails.
        artifacts["get_storage_client"] = _limiting(artifacts["get_storage_client"], kind)
        blobs["print"] = gen2["print"] = _print
        assets["tqdm"] = _hiding(assets["tqdm"])
        _installed = True


def _limiting(make: Callable[..., Any], kind: type) -> Callable[..., Any]:
    def get_storage_client(*arguments: Any, **where: Any) -> Any:
        client, uploads = make(*arguments, **where), _watching.get()
        if uploads is not None and isinstance(client, kind):
            uploads.limit(client, where)
        return client

    return get_storage_client


def _print(*values: object, **named: Any) -> None:
    if _watching.get() is None:
        print(*values, **named)  # noqa: T201 (an upload that envsync did not start)


def _hiding(bar: Callable[..., Any]) -> Callable[..., AbstractContextManager[Any]]:
    def tqdm(*arguments: Any, **named: Any) -> AbstractContextManager[Any]:
        if _watching.get() is None:
            shown: AbstractContextManager[Any] = bar(*arguments, **named)
            return shown
        return nullcontext(SimpleNamespace(update=lambda _: None))

    return tqdm


def _size(source: Path) -> tuple[int, int]:
    """Returns the number of files in a directory, and their total size in bytes."""
    sizes = [Path(at, name).stat().st_size for at, _, names in os.walk(source) for name in names]
    return len(sizes), sum(sizes)
