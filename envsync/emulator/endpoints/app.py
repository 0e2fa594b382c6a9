"""`create_app`: everything that the emulator answers, as one Starlette application.

It routes by the `Host` header, so that it can stand behind the service's real host names.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from envsync.emulator.endpoints.apiversions import check_api_version
from envsync.emulator.endpoints.login import login_endpoints
from envsync.emulator.endpoints.managed import ManagedRegistries
from envsync.emulator.endpoints.registry import Registries
from envsync.emulator.endpoints.subscriptions import subscription_endpoints
from envsync.emulator.endpoints.unbuilt import missing
from envsync.emulator.endpoints.workspace import Workspaces
from envsync.emulator.service.errors import ServiceError, forbidden, user_error
from envsync.emulator.service.operations import Operations
from envsync.emulator.service.routing import Answer, Call, Endpoint, find
from envsync.emulator.service.tokens import LoginRefused, Tokens
from envsync.emulator.service.world import World
from envsync.emulator.settings import APPLICATION_HOSTS, Settings
from envsync.model.canonical import JSON
from envsync.model.errors import TargetError

_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    make_container: Callable[[str], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Starlette:
    """The application. Its files are opened now and closed when its lifespan ends.

    Args:
        settings: what it holds, and how it behaves. Latency, throttling and faults are not its
            business but that of whatever serves it.
        make_container: makes a blob container that may be there already; called from a thread
            before a client is sent to it. None where there is no blob store.
        clock: the current time, with its time zone.

    Raises:
        EnvsyncError: a state file cannot be used, or the seed holds errors.
    """
    world = World(settings, clock)
    operations = Operations(settings)
    service = _Service(
        (
            *login_endpoints(tokens := Tokens(settings)),
            *subscription_endpoints(),
            *Workspaces(world, settings, clock).endpoints(),
            *Registries(world, settings, clock, make_container, operations).endpoints(),
            *ManagedRegistries(world, settings, operations).endpoints(),
        ),
        tokens,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            world.close()

    return Starlette(
        routes=[Route("/{path:path}", service.respond, methods=list(_METHODS))], lifespan=lifespan
    )


class _Service:
    """From requests to answers."""

    def __init__(self, endpoints: Sequence[Endpoint], tokens: Tokens) -> None:
        self._endpoints = endpoints
        self._tokens = tokens

    async def respond(self, request: Request) -> Response:
        """The answer to a request, whatever it is."""
        try:
            body = await request.body()
            # SQLite waits for the disk, so not on the event loop.
            answer = await run_in_threadpool(self._answer, request, body)
        except ClientDisconnect:
            return Response()  # to nobody: the client was killed, or gave up
        except ServiceError as error:
            answer = Answer(error.body, error.status, error.headers)
        except LoginRefused as error:
            answer = Answer(error.body, 401 if error.error == "invalid_client" else 400)
        except TargetError as error:
            answer = Answer(ServiceError(500, "InternalServerError", str(error)).body, 500)
        response = _response(answer)
        if request.method == "HEAD":
            response.body = b""  # the header keeps the length that GET's body has
        return response

    def _answer(self, request: Request, body: bytes) -> Answer:
        host = request.headers.get("host", "").lower().partition(":")[0]
        path = request.scope["path"]
        if host not in APPLICATION_HOSTS:
            raise ServiceError(421, "UnknownHost", f"The emulator does not answer for {host!r}.")
        # What HEAD asks for is what GET would answer, without its body.
        method = "GET" if request.method == "HEAD" else request.method
        found = find(self._endpoints, host, method, path)
        call = Call(method, host, path, query=dict(request.query_params.items()))
        if found is None:
            raise missing(self._endpoints, host, request.method, path)
        target, names = found
        return target.handler(self._complete(target, call, names, request, body))

    def _complete(
        self,
        target: Endpoint,
        call: Call,
        names: Mapping[str, str],
        request: Request,
        body: bytes,
    ) -> Call:
        caller = None
        if target.action is not None:
            caller = self._tokens.caller(request.headers.get("authorization"))
            if target.writes and caller.role == "reader":
                raise forbidden(caller.client, target.action, call.path)
            check_api_version(call.path, call.query)
        content = _parsed(body, request.headers.get("content-type", ""))
        return Call(call.method, call.host, call.path, names, call.query, content, caller)


def _parsed(body: bytes, content_type: str) -> JSON:
    if not body:
        return None
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode()))
        content: JSON = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise user_error("The request body is no JSON.") from error
    return content


def _response(answer: Answer) -> Response:
    headers = {**answer.headers, "x-ms-request-id": str(uuid.uuid4())}
    if answer.empty:
        return Response(status_code=answer.status, headers=headers)
    return Response(
        json.dumps(answer.content),
        answer.status,
        headers,
        media_type="application/json; charset=utf-8",
    )
