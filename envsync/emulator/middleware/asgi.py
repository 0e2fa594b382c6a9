"""What the emulator's middleware reads from a request, and the one answer that it gives itself.

https://asgi.readthedocs.io/en/latest/specs/www.html says what is in a scope.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str:
    """A header of a request, empty where it was not sent. `name` is in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


def host(scope: Scope) -> str:
    """The host that a request is for, without its port, in lower case."""
    return header(scope, b"host").partition(":")[0].lower()


def path(scope: Scope) -> str:
    """The path of a request, decoded."""
    return str(scope["path"])


def query(scope: Scope) -> str:
    """The query of a request as it was sent."""
    return str(scope["query_string"], "latin-1")


def error_answer(
    status: int, code: str, message: str, *, retry_after: int | None = None
) -> JSONResponse:
    """An error as the resource manager words it, with `Retry-After` in seconds where given.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/
    request-limits-and-throttling, and the error format of the resource provider contract.
    """
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status, headers)
