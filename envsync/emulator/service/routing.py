"""Selects the handler of a request by host, method and path.

Starlette's own routes cannot be used, because the resource manager ignores the case of the fixed
parts of a path, but not the case of names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote

from msgspec import Struct, field

from envsync.emulator.service.errors import ServiceError
from envsync.emulator.service.tokens import Caller
from envsync.emulator.settings import FaultKind
from envsync.model.canonical import JSON

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Call(Struct, frozen=True):
    """A request with its path parameters and its caller.

    Attributes:
        method: the HTTP method in capitals.
        host: the host in lower case, without a port.
        path: the decoded path.
        names: the values of the path's placeholders.
        query: the query parameters. If the query repeats a name, the last value is used.
        body: the JSON body, or a form as a mapping. `body` is None if the request has no body.
        caller: the authenticated caller. `caller` is None if the endpoint needs no authentication.
        fault: the fault that the handler must execute.
    """

    method: str
    host: str
    path: str
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: JSON = None
    caller: Caller | None = None
    fault: FaultKind | None = None

    @property
    def url(self) -> str:
        """The URL of the request, without the query."""
        return f"https://{self.host}{quote(self.path)}"

    @property
    def versioned_url(self) -> str:
        """The URL of the request with its `api-version`, for the header `Location`."""
        return f"{self.url}?api-version={self.query.get('api-version', '')}"

    @property
    def actor(self) -> str:
        """The client id of the caller, for the history of the store.

        Raises:
            ServiceError: the endpoint does not authenticate its callers (401).
        """
        if self.caller is None:
            raise ServiceError(401, "AuthenticationFailed", "The caller is not authenticated.")
        return self.caller.client


class Answer(Struct, frozen=True):
    """A response.

    Attributes:
        content: the JSON body. If None, the body is `null`.
        status: the HTTP status.
        headers: additional headers.
        empty: whether the response has no body.
    """

    content: JSON = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    empty: bool = False


Handler: TypeAlias = Callable[[Call], Answer]


class Endpoint(Struct, frozen=True):
    """One operation of the service.

    Attributes:
        host: the host in lower case.
        method: the HTTP method in capitals.
        pattern: a regular expression that matches the paths of the operation.
        action: the permission that the operation needs, as in role definitions. `action` is None if
            the operation needs no authentication.
        handler: a function that executes the operation.
    """

    host: str
    method: str
    pattern: re.Pattern[str]
    action: str | None
    handler: Handler

    @property
    def writes(self) -> bool:
        """True if the role Reader does not permit the operation."""
        return self.action is not None and not self.action.endswith("/read")


class ProviderEndpoints(Struct, frozen=True):
    """Creates the endpoints of a resource provider on a host.

    In each path, a placeholder such as `{name}` stands for one segment. The argument `permission`
    does not contain the name of the provider.

    Attributes:
        host: the host in lower case.
        provider: the resource provider.
    """

    host: str
    provider: str

    def get(self, path: str, permission: str, handler: Handler) -> Endpoint:
        """Creates an endpoint for GET."""
        return self._endpoint("GET", path, permission=permission, handler=handler)

    def put(self, path: str, permission: str, handler: Handler) -> Endpoint:
        """Creates an endpoint for PUT."""
        return self._endpoint("PUT", path, permission=permission, handler=handler)

    def post(self, path: str, permission: str, handler: Handler) -> Endpoint:
        """Creates an endpoint for POST."""
        return self._endpoint("POST", path, permission=permission, handler=handler)

    def delete(self, path: str, permission: str, handler: Handler) -> Endpoint:
        """Creates an endpoint for DELETE."""
        return self._endpoint("DELETE", path, permission=permission, handler=handler)

    def _endpoint(self, method: str, path: str, *, permission: str, handler: Handler) -> Endpoint:
        return Endpoint(
            host=self.host,
            method=method,
            pattern=pattern(path),
            action=f"{self.provider}/{permission}",
            handler=handler,
        )


def pattern(path: str) -> re.Pattern[str]:
    """Converts a path to a pattern, in which each `{name}` is a group for one segment."""
    parts = _PLACEHOLDER.split(path)
    text = "".join(
        # The regular expression has a group, so `split` returns fixed parts and names alternately.
        f"(?P<{part}>[^/]+)" if index % 2 else f"(?i:{re.escape(part)})"
        for index, part in enumerate(parts)
    )
    return re.compile(text)


def find(
    endpoints: Sequence[Endpoint], *, host: str, method: str, path: str
) -> tuple[Endpoint, dict[str, str]] | None:
    """Returns the endpoint of a request and the values of the path's placeholders, or None."""
    for candidate in endpoints:
        if candidate.host == host and candidate.method == method:
            match = candidate.pattern.fullmatch(path)
            if match is not None:
                return candidate, match.groupdict()
    return None
