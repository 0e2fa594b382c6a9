"""Uploads of build contexts that end: with success, or with a reason, and never only later.

azure-ai-ml uploads a build context, and offers no way to say how. Left alone, it

- waits for ever for a worker that failed, unless it shows a progress bar: only then does it look at
  what became of its workers;
- refuses to replace a file of an upload that broke off, unless the first file arrived;
- gives one request four hours to connect, and starts every other file after one has failed;
- lets two uploads of the same content to the same address disturb each other.

envsync therefore tells it to show a progress bar, which envsync then leaves out. Its storage client
gets a pipeline policy, `UploadRetries`, and a lock for each address. azure-ai-ml still decides what
is uploaded, where to, and what marks an upload as complete.
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
"""Seconds without a byte from the storage account after which one try of a request has failed.

With a short time limit it is less: as much of the limit as each of all tries can have.
"""

SLOWEST: Final = 32 * 1024
"""Bytes a second: a whole upload may take the time limit, and its size divided by this."""

SECONDS_A_FILE: Final = 1.0
"""What each file adds to the time that a whole upload may take."""

_STORAGE_OPTIONS: Final = (
    *("hosts", "location_mode", "retry_to_secondary", "retry_hook"),
    *("retry_total", "retry_connect", "retry_read", "retry_status"),
)
"""What azure-storage-blob leaves for its own retry policy; a transport does not know them."""

_MESSAGE: Final = re.compile(r"<Message>([^<\n]*)")


class UploadRetries(Retries):
    """The retry policy of one upload: a time limit for all of it, and one failure ends it.

    azure-ai-ml starts the requests of an upload in several threads. Once one of them has failed for
    good, each later one fails at once, with the same reason.
    """

    def __init__(
        self, time_limit: float, *, clock: Callable[[], float] = time.monotonic, **named: Any
    ) -> None:
        """Sets the limits.

        Args:
            time_limit: seconds that one request may take, with all its tries.
            clock: seconds, from any start.
            named: further arguments of `Retries`.
        """
        broken = (ServiceRequestError, ServiceResponseError)
        super().__init__(time_limit, clock=clock, counted=broken, **named)
        self._limit = time_limit
        self._silence = min(LONGEST_SILENCE, time_limit / (MOST_FAILED_CONNECTIONS + 1))
        self._longest = time_limit
        self._end = clock() + time_limit
        self._failure: TargetError | None = None

    def start(self, files: int, size: int) -> None:
        """Starts the time that the whole upload has.

        Args:
            files: how many files it has.
            size: their bytes.
        """
        self._longest = self._limit + files * SECONDS_A_FILE + size / SLOWEST
        self._end = self._clock() + self._longest

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Sends a request, as often as it takes.

        Raises:
            TargetError: it failed, one before did, or the time of the whole upload is over.
        """
        if self._failure is not None:
            raise self._failure
        options, http = request.context.options, request.http_request
        for name in _STORAGE_OPTIONS:
            options.pop(name, None)
        options["connection_timeout"] = options["read_timeout"] = self._silence
        if self._clock() > self._end:
            self._failure = TargetError(
                f"The upload of the build context took longer than {self._longest:.0f} seconds and "
                "was given up. Check the network, and run it again."
            )
            raise self._failure
        try:
            response = super().send(request)
        except AzureError as error:
            self._failure = explained(error, http.url)
            raise self._failure from error
        status = response.http_response.status_code
        # azure-ai-ml asks for the blob that marks a complete upload; often it is not there.
        if status >= 400 and (http.method, status) != ("HEAD", 404):
            self._failure = refused(status, _error(response.http_response), http.method, http.url)
            raise self._failure
        return response


class Uploads:
    """What uploads to one workspace or registry have in common.

    One content is uploaded to one address at a time. Uploads of others meanwhile wait, and find it
    there; if it failed, they fail with the same reason instead of trying the same thing again.
    """

    def __init__(self, time_limit: float) -> None:
        """Nothing is uploaded yet.

        Args:
            time_limit: seconds after which a request that keeps failing is given up.
        """
        self._time_limit = time_limit
        self._locking = threading.Lock()
        self._addresses: defaultdict[tuple[str, ...], _Address] = defaultdict(_Address)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within it, what azure-ai-ml uploads in this thread is bounded, and prints nothing."""
        _install()
        before = _watching.set(self)
        try:
            yield
        finally:
            _watching.reset(before)

    def bound(self, client: Any, where: Mapping[str, Any]) -> None:
        """Bounds the uploads of one of azure-ai-ml's storage clients.

        Args:
            client: a `BlobStorageClient`.
            where: what it was made with: account, container, credential.
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
        # The content is part of the address: what is there already is the same, or was broken off.
        client.overwrite = True
        upload = client.upload

        def bounded(source: str, **named: Any) -> Any:
            address = (
                *(container.primary_hostname, container.container_name),
                *(str(named.get("asset_hash")), Path(source).name),
            )
            with self._address(address).taken(), closing(container):
                policy.start(*_size(Path(source)))
                return upload(source, **named)

        client.upload = bounded

    def _address(self, address: tuple[str, ...]) -> _Address:
        with self._locking:
            return self._addresses[address]


class _Address:
    """A place for one content, which one upload has at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: list[TargetError] = []

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits for its turn.

        Raises:
            TargetError: the upload that it waited for has failed.
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


_watching: ContextVar[Uploads | None] = ContextVar("watching", default=None)
_installing = threading.Lock()
_installed = False


def _install() -> None:
    """Puts hooks into azure-ai-ml, once for the process; they act within `Uploads.watched` only.

    There is no other way in: its functions make the storage client, the progress bar and some empty
    lines on standard error by names of their modules, whatever `MLClient` was told.
    """
    global _installed  # noqa: PLW0603 (azure-ai-ml's modules are there once as well)
    with _installing:
        if _installed:
            return
        artifacts = vars(import_module("azure.ai.ml._artifacts._artifact_utilities"))
        blobs = vars(import_module("azure.ai.ml._artifacts._blob_storage_helper"))
        gen2 = vars(import_module("azure.ai.ml._artifacts._gen2_storage_helper"))
        assets = vars(import_module("azure.ai.ml._utils._asset_utils"))
        kind = blobs["BlobStorageClient"]
        artifacts["get_storage_client"] = _bounding(artifacts["get_storage_client"], kind)
        blobs["print"] = gen2["print"] = _print
        assets["tqdm"] = _hiding(assets["tqdm"])
        _installed = True


def _bounding(make: Callable[..., Any], kind: type) -> Callable[..., Any]:
    def get_storage_client(*arguments: Any, **where: Any) -> Any:
        client, uploads = make(*arguments, **where), _watching.get()
        if uploads is not None and isinstance(client, kind):
            uploads.bound(client, where)
        return client

    return get_storage_client


def _print(*values: object, **named: Any) -> None:
    if _watching.get() is None:
        print(*values, **named)  # noqa: T201 (somebody else's upload in this process)


def _hiding(bar: Callable[..., Any]) -> Callable[..., AbstractContextManager[Any]]:
    def tqdm(*arguments: Any, **named: Any) -> AbstractContextManager[Any]:
        if _watching.get() is None:
            shown: AbstractContextManager[Any] = bar(*arguments, **named)
            return shown
        return nullcontext(SimpleNamespace(update=lambda _: None))

    return tqdm


def _error(response: Any) -> dict[str, Any]:
    """A storage account's error in the shape that the Resource Manager's have."""
    code = response.headers.get("x-ms-error-code", "")
    found = _MESSAGE.search(response.text())
    return {"error": {"code": code, "message": found[1] if found else code}}


def _size(source: Path) -> tuple[int, int]:
    """How many files a directory has, and their bytes."""
    sizes = [Path(at, name).stat().st_size for at, _, names in os.walk(source) for name in names]
    return len(sizes), sum(sizes)
