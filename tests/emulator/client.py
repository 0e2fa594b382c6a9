"""A client that calls the ASGI application in this process, without sockets and TLS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from starlette.applications import Starlette

from envsync.emulator.endpoints.app import create_app
from envsync.emulator.settings import CLIENT_ID, CLIENT_SECRET, TENANT_ID, Settings
from tests.emulator.contract import validated

WORKSPACE = (
    "https://management.azure.com/subscriptions/11111111-2222-4333-8444-555555555555"
    "/resourceGroups/ml-dev/providers/Microsoft.MachineLearningServices/workspaces/ws-dev"
)
REGISTRY = (
    "https://registries.eastus.api.azureml.ms/mferp/managementfrontend/subscriptions"
    "/11111111-2222-4333-8444-555555555555/resourceGroups/registries/providers"
    "/Microsoft.MachineLearningServices/registries/shared"
)
PREVIEW = "2023-04-01-preview"
STABLE = "2024-04-01"
DATAPLANE = "2021-10-01-dataplanepreview"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20240101.v1"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, or None if the body is empty."""
        return json.loads(self.content) if self.content else None

    @property
    def properties(self) -> Any:
        """The properties of the resource in the body."""
        return self.json["properties"]


class Client:
    """An authenticated client."""

    def __init__(self, app: Starlette, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner
        self.token: str | None = None
        # A test sets `validates` to False if it expects a response that the OpenAPI does not allow.
        self.validates = True

    def log_in(self, secret: str = CLIENT_SECRET) -> Reply:
        """Logs in with a client secret. Later requests use the token."""
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": secret,
            "scope": "https://management.azure.com/.default",
        }
        self.token = None
        reply = self.send(
            "POST",
            f"https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token",
            content=urlencode(form).encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        self.token = reply.json.get("access_token")
        return reply

    def get(self, url: str, api: str = PREVIEW, **query: str) -> Reply:
        """Sends a GET. A leading `_` in the name of a query parameter stands for `$`."""
        return self.send("GET", _with_query(url, api, query))

    def put(self, url: str, properties: object, api: str = PREVIEW) -> Reply:
        """Sends a PUT of a resource with these properties."""
        return self.send("PUT", _with_query(url, api, {}), body={"properties": properties})

    def post(self, url: str, body: object = None, api: str = PREVIEW) -> Reply:
        """Sends a POST."""
        return self.send("POST", _with_query(url, api, {}), body=body)

    def send(
        self,
        method: str,
        url: str,
        *,
        body: object = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Sends a request, and validates the response against the OpenAPI."""
        sent = {"host": urlsplit(url).netloc, **(headers or {})}
        if body is not None:
            content, sent["content-type"] = json.dumps(body).encode(), "application/json"
        if self.token is not None:
            sent["authorization"] = f"Bearer {self.token}"
        reply = self._runner.run(_exchange(self._app, method, url, content=content, headers=sent))
        if self.validates:
            validated(method, url, status=reply.status, body=reply.json)
        return reply


@contextmanager
def serving(
    settings: Settings | None = None,
    *,
    make_container: Callable[[str], None] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Client]:
    """Runs an application until the end of the block, and yields an authenticated client.

    Without `settings`, the application has one workspace, because each workspace takes time.
    """
    settings = settings or Settings(workspaces=("ws-dev",))
    app = create_app(settings, make_container=make_container, clock=clock)
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            client = Client(app, runner)
            client.log_in()
            yield client
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


def _with_query(url: str, api: str, query: Mapping[str, str]) -> str:
    if "api-version=" in url:
        return url
    parameters = {f"${key[1:]}" if key[0] == "_" else key: text for key, text in query.items()}
    return f"{url}?{urlencode({'api-version': api, **parameters})}"


async def _exchange(
    app: Starlette, method: str, url: str, *, content: bytes, headers: Mapping[str, str]
) -> Reply:
    # The application is called without a server:
    # https://asgi.readthedocs.io/en/latest/specs/www.html
    parts = urlsplit(url)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote(parts.path),
        "raw_path": quote(parts.path, safe="/%").encode(),
        "query_string": parts.query.encode(),
        "headers": [(key.lower().encode(), text.encode()) for key, text in headers.items()],
        "server": (parts.hostname, 443),
        "client": ("127.0.0.1", 1),
    }
    messages: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = messages[0]
    return Reply(
        start["status"],
        {key.decode(): value.decode() for key, value in start["headers"]},
        b"".join(message.get("body", b"") for message in messages[1:]),
    )
