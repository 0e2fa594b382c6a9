"""Calls the application of an emulator in this process, without servers, sockets and TLS.

A request takes a third of the CPU time of a request over the network. Tests of connections,
uploads, sign-ins, other processes and lost responses need the network (`on_emulator.azure`).
"""

from __future__ import annotations

import asyncio
import functools
import io
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import EnvironmentCredential
from msgspec.structs import replace
from requests.adapters import HTTPAdapter
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Scope
from urllib3 import HTTPHeaderDict, HTTPResponse

from envsync.emulator.endpoints.app import create_app
from envsync.emulator.middleware.stack import wrap
from envsync.emulator.settings import (
    CLIENT_ID,
    CLIENT_SECRET,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    TENANT_ID,
    Settings,
)
from envsync.project.settings.targets import TargetConfig
from envsync.targets.azure.http import transport
from envsync.targets.azure.http.clouds import Cloud
from envsync.targets.azure.http.sign_in import SignIn
from envsync.targets.azure.target import AzureTarget
from envsync.targets.connection import Connection
from tests.targets.azure.on_emulator import FAST, Azure, import_sdk, named

VARIABLES = {
    "AZURE_TENANT_ID": TENANT_ID,
    "AZURE_CLIENT_ID": CLIENT_ID,
    "AZURE_CLIENT_SECRET": CLIENT_SECRET,
    "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
    "AZURE_RESOURCE_GROUP": RESOURCE_GROUP,
}


@dataclass
class InProcess(Azure):
    """An application of an emulator.

    Only the targets of `open` and `target`, and those that a block of `reached` opens, reach it.
    """

    session: requests.Session = field(kw_only=True)

    def __post_init__(self) -> None:
        # azure-identity reads these variables, so each client and secret has its own sign-in.
        own = RequestsTransport(session=self.session, session_owner=False)
        self._signed_in = functools.cache(
            lambda *_: SignIn("environment", lambda: EnvironmentCredential(transport=own))
        )

    @contextmanager
    def open(
        self, config: TargetConfig, connection: Connection | None = None
    ) -> Iterator[AzureTarget]:
        with ExitStack() as stack:
            with self.reached():
                # A connection remembers sign-ins, but a sign-in belongs to one application.
                own = replace(connection or Connection(), credentials={})
                target = stack.enter_context(super().open(config, own))
            yield target

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Makes every target that the block opens call the application, also in commands."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transport, "new_session", lambda _: self.session)
            patch.setattr("envsync.targets.azure.client.credential", self._credential)
            yield

    def _credential(self, _kind: str, _cloud: Cloud) -> SignIn:
        return self._signed_in(os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"])


@contextmanager
def in_process(
    directory: Path, *, workspaces: int = 1, registries: int = 1, **settings: Any
) -> Iterator[InProcess]:
    """Creates the application of an emulator. Targets call the application without a server.

    Arguments are the same as those of `azure`. Build contexts cannot be uploaded, other processes
    cannot be clients, and responses cannot be delayed. All targets share one sign-in for each
    client secret.
    """
    import_sdk()
    found = Settings(**{**named(workspaces, registries), **FAST, **settings})
    log = directory / "requests.jsonl"
    with (
        log.open("a", encoding="utf-8") as file,
        pytest.MonkeyPatch.context() as patch,
        _application(found) as app,
    ):
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", _Application(wrap(app, found, cut=_cut, log=file)))
        # Targets close their session, but the next target uses it as well.
        patch.setattr(session, "close", lambda: None)
        patch.setattr("envsync.emulator.endpoints.app.run_in_threadpool", _run)
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            patch.delenv(name)
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        yield InProcess(log, VARIABLES, session=session)


@contextmanager
def _application(settings: Settings) -> Iterator[ASGIApp]:
    app = create_app(settings)
    lifespan = app.router.lifespan_context(app)
    _result(lifespan.__aenter__())
    try:
        yield app
    finally:
        _result(lifespan.__aexit__(None, None, None))


class _Application(HTTPAdapter):
    """Sends the requests of a session to an ASGI application.

    https://asgi.readthedocs.io/en/latest/specs/www.html
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        _result(self._app(_scope(request), receive, send))
        start, *rest = messages
        answer = HTTPResponse(
            io.BytesIO(b"".join(message.get("body", b"") for message in rest)),
            HTTPHeaderDict([(key.decode(), text.decode()) for key, text in start["headers"]]),
            start["status"],
            preload_content=False,
            request_method=request.method,
        )
        return self.build_response(request, answer)


def _scope(request: requests.PreparedRequest) -> Scope:
    parts = urlsplit(str(request.url))
    headers = {"host": parts.netloc, **request.headers}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "scheme": "https",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [
            (name.lower().encode(), text if isinstance(text, bytes) else text.encode())
            for name, text in headers.items()
        ],
        "server": (parts.hostname, 443),
        "client": ("127.0.0.1", 1),
    }


def _result(awaitable: Awaitable[Any]) -> Any:
    """Runs an application that never waits, without an event loop."""
    try:
        next(awaitable.__await__())
    except StopIteration as end:
        return end.value
    raise AssertionError("the application waits, so it needs an event loop: use `azure`")


async def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Replaces `run_in_threadpool`. Without an event loop, a client waits in its own thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function(*arguments)
    return await run_in_threadpool(function, *arguments)


def _cut(*_: object) -> None:
    raise AssertionError("there is no connection that could be cut: use `azure`")
