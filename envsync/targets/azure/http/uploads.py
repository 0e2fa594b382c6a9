"""Uploads of build contexts: each upload succeeds, or fails with a reason, in limited time.

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
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse

from envsync.model.errors import TargetError
from envsync.targets.azure.http.errors import explained, refused
from envsync.targets.azure.http.retries import MOST_FAILED_CONNECTIONS, Retries

LONGEST_SILENCE: Final = 60.0
"""Each attempt fails if the storage account sends no data for this number of seconds.

If the time limit is short, each attempt gets less time, so that all attempts fit into the limit.
"""

SLOWEST: Final = 32 * 1024
"""Speed in bytes per second.

The time limit of an upload includes the size of the upload divided by this speed.
"""

SECONDS_A_FILE: Final = 1.0
"""Seconds that each file adds to the time limit of a whole upload."""

_STORAGE_OPTIONS: Final = (
    "hosts",
    "location_mode",
    "retry_to_secondary",
    "retry_hook",
    "retry_total",
    "retry_connect",
    "retry_read",
    "retry_status",
)
"""Options that `UploadRetries` removes from each request.

azure-storage-blob sets them for its own retry policy, and a transport would reject them.
"""

_MESSAGE: Final = re.compile(r"<Message>([^<\n]*)")


class UploadRetries(Retries):
    """The retry policy of one upload or download. The whole transfer has a time limit.

    azure-ai-ml sends the requests of an upload from several threads. After the first final failure,
    all later requests fail immediately, with the same reason.
    """

    def __init__(
        self,
        time_limit: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        purpose: str = "upload",
        **named: Any,
    ) -> None:
        """Creates the retry policy, and starts the time limit of the upload.

        Args:
            time_limit: the maximum seconds for one request, including all attempts.
            clock: a function that returns the seconds since any fixed time.
            purpose: what the requests do, for messages: `upload` or `download`.
            named: further keyword arguments of `Retries`.
        """
        # If the storage account closes the connection before it responds, the attempt also counts
        # as a failed connection.
        broken = (ServiceRequestError, ServiceResponseError)
        super().__init__(time_limit, clock=clock, counted=broken, **named)
        self._limit = time_limit
        self._purpose = purpose
        self._silence = min(LONGEST_SILENCE, time_limit / (MOST_FAILED_CONNECTIONS + 1))
        self._longest = time_limit
        self._end = clock() + time_limit
        self._failure: TargetError | None = None

    def start(self, files: int, size: int) -> None:
        """Starts the time limit of the whole upload.

        Args:
            files: the number of files.
            size: their total size in bytes.
        """
        self._longest = self._limit + files * SECONDS_A_FILE + size / SLOWEST
        self._end = self._clock() + self._longest

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Sends a request, and sends it again after temporary failures.

        Raises:
            TargetError: this request or an earlier request failed, or the upload took too long.
        """
        if self._failure is not None:
            raise self._failure
        options, http = request.context.options, request.http_request
        for name in _STORAGE_OPTIONS:
            options.pop(name, None)
        options["connection_timeout"] = options["read_timeout"] = self._silence
        if self._clock() > self._end:
            message = (
                f"The upload of the build context took longer than {self._longest:.0f} seconds and "
                "was stopped. Check the network, then run the command again."
            )
            self._failure = TargetError(message.replace("upload", self._purpose, 1))
            raise self._failure
        try:
            response = super().send(request)
        except AzureError as error:
            self._failure = explained(error, http.url)
            raise self._failure from error
        # azure-storage-blob's own retry policy sets this attribute. Requests for a list of blobs
        # need the attribute.
        response.http_response.location_mode = "primary"
        status = response.http_response.status_code
        # azure-ai-ml sends HEAD to find the blob that marks a complete upload. A 404 to this HEAD
        # is not an error, because it shows that the content was not uploaded yet.
        if status >= 400 and (http.method, status) != ("HEAD", 404):
            # The body of a download is read in parts, so it is not read yet. If the request failed,
            # the body contains the error and must be read here.
            response.http_response.read()
            self._failure = refused(
                status, _error(response.http_response), method=http.method, url=http.url
            )
            raise self._failure
        return response


class Uploads:
    """The uploads to one workspace or registry.

    Only one upload writes to an address at a time. Other uploads of the same content wait for the
    first upload, and then find the uploaded files. If the first upload failed, the waiting uploads
    fail with the same reason.
    """

    def __init__(self, time_limit: float) -> None:
        """Creates an object that has no uploads yet. Does not connect.

        Args:
            time_limit: seconds after which a failing request is no longer retried.
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


# `_watching` has a separate value in each thread, so azure-ai-ml's uploads in other threads are not
# changed.
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


def _error(response: Any) -> dict[str, Any]:
    """Converts an error of a storage account to the structure of the Resource Manager's errors."""
    # A storage account returns errors as XML:
    # https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2
    code = response.headers.get("x-ms-error-code", "")
    found = _MESSAGE.search(response.text())
    return {"error": {"code": code, "message": found[1] if found else code}}


def _size(source: Path) -> tuple[int, int]:
    """Returns the number of files in a directory, and their size in bytes."""
    sizes = [Path(at, name).stat().st_size for at, _, names in os.walk(source) for name in names]
    return len(sizes), sum(sizes)
