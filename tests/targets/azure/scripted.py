"""A fake service that returns fixed responses to envsync's real pipeline and transport."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import requests
from azure.core.credentials import AccessToken
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from envsync.model.canonical import JSON
from envsync.targets.azure.http.clouds import cloud
from envsync.targets.azure.http.log import RequestLog
from envsync.targets.azure.http.operations import Operations
from envsync.targets.azure.http.rest import Rest
from envsync.targets.azure.http.transport import SharedTransport

Step = tuple[int, JSON, Mapping[str, str]] | Exception


def answer(status: int, body: JSON = None, **headers: str) -> Step:
    """Returns one response. `_` in the name of a header stands for `-`."""
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


class Script(BaseAdapter):
    """Returns one response after another, and then repeats the last response.

    Attributes:
        sent: the method and URL of each request.
        bodies: the JSON body of each request.
        headers: the headers of each request.
    """

    def __init__(self, *steps: Step) -> None:
        super().__init__()
        self._steps = list(steps)
        self.sent: list[tuple[str, str]] = []
        self.bodies: list[JSON] = []
        self.headers: list[Mapping[str, str | bytes]] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.sent.append((str(request.method), str(request.url)))
        self.headers.append(request.headers)
        self.bodies.append(
            json.loads(request.body) if isinstance(request.body, bytes | str) else None
        )
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        status, body, headers = step
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        response = requests.Response()
        response.status_code = status
        response.headers.update({"Content-Type": "application/json", **headers})
        response.raw = HTTPResponse(io.BytesIO(content), preload_content=False)
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        """Does nothing, because a script has no connection."""


class Someone:
    """A credential that is always signed in."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        # The token expires in the far future.
        return AccessToken("token", 2**40)


class Waiting(Operations):
    """Limits operations with a clock that only waits move on."""

    def __init__(self, sleep: Callable[[float], None], limit: float) -> None:
        self.seconds = 0.0
        self._sleep = sleep
        super().__init__(limit, clock=lambda: self.seconds)

    def wait(self, seconds: float) -> None:
        # The real object waits no longer than its limit either.
        pause = min(seconds, self._limit)
        self.seconds += pause
        self._sleep(pause)


def rest(
    script: Script,
    sleep: Callable[[float], None] = lambda _: None,
    operations: Operations | None = None,
    time_limit: float = 100.0,
    log: RequestLog | None = None,
) -> Rest:
    """Returns a connection that gets the responses of a script."""
    operations = operations or Waiting(sleep, limit=3600.0)
    transport = SharedTransport(16, log, operations=operations)
    transport.session.mount("https://", script)
    return Rest(
        cloud("AzureCloud"),
        Someone(),
        transport,
        operations=operations,
        time_limit=time_limit,
        sleep=sleep,
    )
