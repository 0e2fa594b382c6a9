"""`Rest`: sends requests to Azure's REST API, and waits for long-running operations."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast
from uuid import uuid4

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, UserAgentPolicy
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from msgspec import Struct

from envsync._version import __version__
from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.targets.azure.http.clouds import Cloud
from envsync.targets.azure.http.errors import (
    RequestRefused,
    ensure_succeeded,
    explained,
    no_json,
    refused,
)
from envsync.targets.azure.http.operations import Operations
from envsync.targets.azure.http.retries import Retries, retry_after

_FIRST_POLL: Final = 0.5
_LONGEST_POLL: Final = 10.0
_ENDED: Final = frozenset({"succeeded", "failed", "canceled"})


class Answer(Struct, frozen=True):
    """One response of the service: the status, the body as JSON data, and the headers."""

    status: int
    body: JSON
    headers: Mapping[str, str]


class Rest:
    """A signed-in connection to one cloud. Several threads can call methods at the same time.

    Each method raises `TargetError` if a request fails. If the service refuses the request, the
    error is a `RequestRefused`.
    """

    def __init__(
        self,
        cloud: Cloud,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
        *,
        operations: Operations,
        time_limit: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepares the connection. Does not connect.

        Args:
            cloud: the cloud.
            credential: the credential that signs in.
            transport: the transport that sends requests. `close` closes the transport as well.
            operations: limits long-running operations.
            time_limit: the seconds for which a failing request is repeated.
            sleep: a function that waits for a number of seconds.
        """
        self.cloud = cloud
        self._operations = operations
        self._transport = transport
        # `_send` itself sets the headers of azure-core's `UserAgentPolicy` and `RequestIdPolicy`,
        # because each policy takes CPU time for each request.
        self._user_agent = UserAgentPolicy(f"envsync/{__version__}").user_agent
        self._client: PipelineClient[Any, Any] = PipelineClient(
            cloud.manager,
            policies=[
                Retries(time_limit, sleep=sleep),
                BearerTokenCredentialPolicy(credential, cloud.scope),
            ],
            transport=transport,
        )

    def get(self, url: str, parameters: Mapping[str, str] | None = None) -> JSON:
        """Returns a resource, or None if it does not exist.

        Args:
            url: the URL without a query.
            parameters: the parameters of the query.
        """
        try:
            return self._send("GET", url, parameters).body
        except RequestRefused as error:
            if error.status == 404:
                return None
            raise

    def items(self, url: str, parameters: Mapping[str, str]) -> Iterator[JSON]:
        """Yields the entries of a list. Sends one request for each page of the list."""
        page = self._send("GET", url, parameters).body
        while True:
            if not isinstance(page, dict) or not isinstance(page.get("value"), list):
                raise no_json(url)
            yield from cast("list[JSON]", page["value"])
            # In recorded responses, the link to the next page already contains `api-version` and
            # `$skip`, so no parameters are added.
            following = page.get("nextLink")
            if not following:
                return
            page = self._send("GET", self._trusted(str(following)), None).body

    def post(self, url: str, parameters: Mapping[str, str], body: Mapping[str, JSON]) -> JSON:
        """Sends a POST for an action, such as `listSecrets`, and returns the response."""
        return self._send("POST", url, parameters, body).body

    def put(self, url: str, parameters: Mapping[str, str], body: Mapping[str, JSON]) -> JSON:
        """Writes a resource, and waits until the service has finished the operation.

        Returns:
            The resource in the response, or None after a long-running operation.

        Raises:
            TargetError: the operation failed, or did not finish within the limit of `operations`.
        """
        # azure-core's `LROPoller` with azure-mgmt-core's `ARMPolling` is not used, for three
        # reasons:
        # - `ARMPolling` polls the URL in `Location` after every 201. In recorded responses, a
        #   workspace returns 201 for each PUT, although the resource is complete.
        # - After an operation with `Azure-AsyncOperation`, `ARMPolling` sends one GET of the
        #   resource, and the response can be stale. `FreshReads` repeats a stale GET.
        # - `LROPoller` has no time limit. After `result(timeout)`, the thread of the poller
        #   continues to poll.
        answer = self._send("PUT", url, parameters=parameters, body=body)
        # `Azure-AsyncOperation` takes precedence over `Location`:
        # https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
        poll = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        # Poll only after a response with status 202. In recorded responses, a 201 can also have the
        # header `Location`, although the resource is complete.
        if answer.status != 202 or poll is None:
            return answer.body
        # The URL in the header `Azure-AsyncOperation` returns 200 even before the operation has
        # ended, so the transport cannot limit the operation. This method limits it.
        wait, operation = _FIRST_POLL, self._operations.start(url)
        while not _has_ended(answer):
            operation.check()
            asked = retry_after(answer.headers)
            pause = min(wait if asked is None else asked, self._operations.left(operation))
            self._operations.wait(pause)
            wait = min(wait * 2, _LONGEST_POLL)
            answer = self._send("GET", self._trusted(poll), None)
        ensure_succeeded(answer.body)
        return None

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()
        # Closing the client does not close the transport (see `SharedTransport.__exit__`).
        self._transport.close()

    def _send(
        self,
        method: str,
        url: str,
        parameters: Mapping[str, str] | None,
        body: Mapping[str, JSON] | None = None,
    ) -> Answer:
        request = HttpRequest(
            method,
            url,
            params=parameters,
            headers={
                "Accept": "application/json",
                "User-Agent": self._user_agent,
                "x-ms-client-request-id": str(uuid4()),
            },
            json=None if body is None else dict(body),
        )
        try:
            response = self._client.send_request(request)
            content = response.content
        except AzureError as error:
            raise explained(error, url) from error
        data = _parsed(content)
        if response.status_code >= 400:
            raise refused(response.status_code, data, method=method, url=url)
        # In recorded responses, registries return the body `null` with a 202, and no body for a
        # finished operation.
        if data is None and content.strip() not in (b"", b"null"):
            raise no_json(url)
        return Answer(response.status_code, data, response.headers)

    def _trusted(self, url: str) -> str:
        """Returns a URL from a response, after checking that it is HTTPS.

        The check is necessary, because the next request sends a token to this URL.
        """
        if not url.startswith("https://"):
            raise TargetError(
                f"The service referred to {url}, which is not an HTTPS address. No request was "
                "sent there. Check HTTPS_PROXY and the network."
            )
        return url


def _parsed(content: bytes) -> JSON:
    """Returns a body as JSON data, or None if it is not JSON."""
    try:
        return cast("JSON", json.loads(content))
    except ValueError:
        return None


def _has_ended(answer: Answer) -> bool:
    """Returns whether a long-running operation has ended, by the rules of the Resource Manager.

    The URL in the header `Location` returns 202 until the operation has ended. The URL in the
    header `Azure-AsyncOperation` returns 200 with a `status` in the body:
    https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
    """
    if answer.status == 202:
        return False
    status = answer.body.get("status") if isinstance(answer.body, dict) else None
    return not isinstance(status, str) or status.lower() in _ENDED
