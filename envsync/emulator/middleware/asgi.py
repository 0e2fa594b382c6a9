"""Reads parts of a request from its ASGI scope, and builds error responses.

The scope is specified in https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str:
    """Returns a header of a request, or an empty string. `name` must be in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            # HTTP headers are bytes. latin-1 can decode every byte (RFC 9110, 5.5).
            return str(value, "latin-1")
    return ""


def host(scope: Scope) -> str:
    """Returns the host of a request in lower case, without the port."""
    # IPv6 literals do not occur, because clients use the host names of Azure.
    return header(scope, b"host").partition(":")[0].lower()


def path(scope: Scope) -> str:
    """Returns the decoded path of a request."""
    return str(scope["path"])


def query(scope: Scope) -> str:
    """Returns the query of a request, not decoded."""
    return str(scope["query_string"], "latin-1")


def error_answer(
    status: int, code: str, message: str, *, retry_after: int | None = None
) -> JSONResponse:
    """Returns an error response in the format of the resource manager.

    Source: the error format of the resource provider contract, and
    https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling

    Args:
        status: the HTTP status.
        code: the error code of Azure.
        message: the error message.
        retry_after: seconds for the header `Retry-After`. If None, the header is left out.
    """
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status, headers)
