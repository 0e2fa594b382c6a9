"""`UploadRetries`: repeats failed requests to a storage account until a time limit."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
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
"""Bytes per second. This number of bytes adds one second to the time limit of an upload."""

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
            clock: a function that returns the time in seconds, such as `time.monotonic`.
            purpose: `upload` or `download`, for messages.
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
        """Starts the time limit again. The limit grows with the number and the size of the files.

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
            # A successful download reads the body in parts, after this method has returned. The
            # body of a failed request contains the error, so it must be read here.
            response.http_response.read()
            self._failure = refused(
                status, _error(response.http_response), method=http.method, url=http.url
            )
            raise self._failure
        return response


def _error(response: Any) -> dict[str, Any]:
    """Converts an error of a storage account to the structure of the Resource Manager's errors."""
    # A storage account returns errors as XML:
    # https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2
    code = response.headers.get("x-ms-error-code", "")
    found = _MESSAGE.search(response.text())
    return {"error": {"code": code, "message": found[1] if found else code}}
