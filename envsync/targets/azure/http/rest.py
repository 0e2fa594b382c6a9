"""Azure's REST resources: get one, list them page by page, put one and wait until it is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import RequestIdPolicy, UserAgentPolicy
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from envsync._version import __version__
from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.targets.azure.http.clouds import Cloud
from envsync.targets.azure.http.errors import RequestRefused, explained, no_json, refused
from envsync.targets.azure.http.retries import Retries, retry_after

_FIRST_POLL: Final = 0.5
_LONGEST_POLL: Final = 10.0
_ENDED: Final = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the service: its status, its body as JSON data, and its headers."""

    status: int
    body: JSON
    headers: Mapping[str, str]


class Rest:
    """A signed-in connection to one cloud. Methods may be called from several threads at once.

    Each raises `TargetError`; where the service refused a request, its kind `RequestRefused`.
    """

    def __init__(
        self,
        cloud: Cloud,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
        *,
        time_limit: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Sends nothing yet.

        Args:
            cloud: which cloud.
            credential: who signs in.
            transport: what carries requests; it is closed with this.
            time_limit: seconds after which a request that keeps failing is given up.
            sleep: waits so many seconds.
        """
        self.cloud = cloud
        self._sleep = sleep
        self._transport = transport
        self._client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
            cloud.manager,
            policies=[
                RequestIdPolicy(),
                UserAgentPolicy(f"envsync/{__version__}"),
                Retries(time_limit, sleep=sleep),
                ARMChallengeAuthenticationPolicy(credential, cloud.scope),
            ],
            transport=transport,
        )

    def get(self, url: str, parameters: Mapping[str, str] | None = None) -> JSON:
        """A resource; None where there is none.

        Args:
            url: the whole address.
            parameters: what stands behind its `?`.
        """
        try:
            return self._send("GET", url, parameters).body
        except RequestRefused as error:
            if error.status == 404:
                return None
            raise

    def items(self, url: str, parameters: Mapping[str, str]) -> Iterator[JSON]:
        """What a list holds, page after page; each page is one request."""
        page = self._send("GET", url, parameters).body
        while True:
            if not isinstance(page, dict) or not isinstance(page.get("value"), list):
                raise no_json(url)
            yield from cast("list[JSON]", page["value"])
            following = page.get("nextLink")
            if not following:
                return
            page = self._send("GET", self._trusted(str(following)), None).body

    def put(self, url: str, parameters: Mapping[str, str], body: Mapping[str, JSON]) -> JSON:
        """Writes a resource, and waits until the service has finished with it.

        azure-core's `LROPoller` is not used: it ends a PUT with a GET of the resource, which the
        service may not show yet.

        Returns:
            the resource as the answer has it; None for a long-running operation.
        """
        answer = self._send("PUT", url, parameters, body)
        poll = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if answer.status != 202 or poll is None:
            return answer.body
        wait = _FIRST_POLL
        while not _has_ended(answer):
            asked = retry_after(answer.headers)
            self._sleep(wait if asked is None else asked)
            wait = min(wait * 2, _LONGEST_POLL)
            answer = self._send("GET", self._trusted(poll), None)
        _ensure_succeeded(answer)
        return None

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()
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
            headers={"Accept": "application/json"},
            json=None if body is None else dict(body),
        )
        try:
            response = self._client.send_request(request)
            text = response.text()
        except AzureError as error:
            raise explained(error, url) from error
        data = _parsed(text)
        if response.status_code >= 400:
            raise refused(response.status_code, data, method, url)
        if data is None and text.strip() not in ("", "null"):
            raise no_json(url)
        return Answer(response.status_code, data, response.headers)

    def _trusted(self, url: str) -> str:
        """An address that an answer names: a token is sent there, so it must be HTTPS."""
        if not url.startswith("https://"):
            raise TargetError(f"The service referred to {url}, which is no HTTPS address.")
        return url


def _parsed(text: str) -> JSON:
    """A body as JSON data; None where it is none."""
    try:
        return cast("JSON", json.loads(text))
    except ValueError:
        return None


def _has_ended(answer: Answer) -> bool:
    """Whether a long-running operation is over, by the rules of the Resource Manager.

    A `Location` answers 202 until then; `Azure-AsyncOperation` answers 200 with a `status`
    (documentation, "Track asynchronous Azure operations").
    """
    if answer.status == 202:
        return False
    status = answer.body.get("status") if isinstance(answer.body, dict) else None
    return not isinstance(status, str) or status.lower() in _ENDED


def _ensure_succeeded(answer: Answer) -> None:
    body = answer.body if isinstance(answer.body, dict) else {}
    status = body.get("status")
    if isinstance(status, str) and status.lower() in {"failed", "canceled"}:
        raise refused(400, body, "PUT", "")
