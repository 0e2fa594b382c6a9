"""`create_app`: the emulated service as a Starlette application.

The application serves several hosts, because clients use the real host names of Azure. The header
`Host` of a request selects the endpoint.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
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
from envsync.emulator.middleware.faults import fault_of
from envsync.emulator.service.errors import ServiceError, forbidden, user_error
from envsync.emulator.service.operations import Operations
from envsync.emulator.service.routing import Answer, Call, Endpoint, find
from envsync.emulator.service.tokens import LoginRefused, Tokens
from envsync.emulator.service.world import World
from envsync.emulator.settings import APPLICATION_HOSTS, Settings
from envsync.model.canonical import JSON
from envsync.model.errors import TargetError

# The application must handle every HTTP method. For a method that is missing in this list,
# Starlette would return 405 as plain text, but Azure returns JSON.
_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")


def utc_now() -> datetime:
    """Returns the current time in UTC."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    make_container: Callable[[str], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Starlette:
    """Creates the application.

    Closes the stores at the end of the application's lifespan.

    Args:
        settings: the content and behaviour. Latency, throttling and faults are not part of the
            application (`envsync.emulator.middleware.stack.wrap`).
        make_container: a function that creates a blob container if it does not exist. The
            application calls this function in a worker thread before a client gets the URL of the
            container. If None, no containers are created.
        clock: a function that returns the current time with its time zone.

    Raises:
        EnvsyncError: a state file cannot be used, or the seed has errors.
    """
    world = World(settings, clock)
    operations = Operations(settings)
    service = _Service(
        (
            *login_endpoints(tokens := Tokens(settings)),
            *subscription_endpoints(),
            *Workspaces(world, settings, clock).endpoints(),
            *Registries(
                world,
                settings=settings,
                clock=clock,
                make_container=make_container,
                operations=operations,
            ).endpoints(),
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
    """Responds to requests with the handlers of the endpoints."""

    def __init__(self, endpoints: Sequence[Endpoint], tokens: Tokens) -> None:
        self._endpoints = endpoints
        self._tokens = tokens

    async def respond(self, request: Request) -> Response:
        """Returns the response to a request. An exception becomes an error response."""
        try:
            body = await request.body()
            # Use a worker thread, because SQLite waits for the disk and would block the event loop.
            answer = await run_in_threadpool(self._answer, request, body)
        except ClientDisconnect:
            return Response()  # the client has disconnected
        except ServiceError as error:
            answer = Answer(error.body, error.status, error.headers)
        except LoginRefused as error:
            answer = Answer(error.body, 401 if error.error == "invalid_client" else 400)
        # TargetError: a state file is damaged, or another process has locked the file.
        except TargetError as error:
            answer = Answer(ServiceError(500, "InternalServerError", str(error)).body, 500)
        response = _response(answer)
        if request.method == "HEAD":
            response.body = b""  # `Content-Length` is the same as for GET (RFC 9110, 9.3.2)
        return response

    def _answer(self, request: Request, body: bytes) -> Answer:
        host = request.headers.get("host", "").lower().partition(":")[0]
        path = request.scope["path"]
        # 421 is the status "Misdirected Request" (RFC 9110, 15.5.20).
        if host not in APPLICATION_HOSTS:
            raise ServiceError(
                421, "UnknownHost", f"The emulator does not serve the host {host!r}."
            )
        # The response to HEAD is the response to GET without the body.
        method = "GET" if request.method == "HEAD" else request.method
        found = find(self._endpoints, host=host, method=method, path=path)
        if found is None:
            raise missing(self._endpoints, host=host, method=request.method, path=path)
        endpoint, names = found
        query = dict(request.query_params.items())
        caller = None
        if endpoint.action is not None:
            caller = self._tokens.caller(request.headers.get("authorization"))
            if endpoint.writes and caller.role == "reader":
                raise forbidden(caller.client, endpoint.action, path)
            # Only endpoints of the login host need no authentication. Requests to the login host
            # have no `api-version`, so it is not checked there.
            check_api_version(path, query)
        call = Call(
            method=method,
            host=host,
            path=path,
            names=names,
            query=query,
            body=_parsed(body, request.headers.get("content-type", "")),
            caller=caller,
            fault=fault_of(request.scope),
        )
        return endpoint.handler(call)


def _parsed(body: bytes, content_type: str) -> JSON:
    if not body:
        return None
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode()))
        content: JSON = json.loads(body)
    # RecursionError: the JSON is nested deeper than the limit of the parser.
    except (ValueError, RecursionError) as error:
        raise user_error("The request body is not valid JSON.") from error
    return content


def _response(answer: Answer) -> Response:
    # Every response of Azure has the header `x-ms-request-id`.
    headers = {**answer.headers, "x-ms-request-id": str(uuid.uuid4())}
    if answer.empty:
        return Response(status_code=answer.status, headers=headers)
    return Response(
        json.dumps(answer.content),
        answer.status,
        headers,
        media_type="application/json; charset=utf-8",
    )
