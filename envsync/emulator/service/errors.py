"""The error responses of the service.

If the message of an error was recorded, the emulator returns exactly this message.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from envsync.emulator.settings import LOCATION, LOGIN_HOST, PROVIDER
from envsync.model.canonical import JSON
from envsync.targets.refusals import RuleViolation


class ServiceError(Exception):
    """An error response.

    Attributes:
        status: the HTTP status.
        code: `error.code` of the body.
        inner: the code of the inner error in responses of the machine-learning service. If None,
            the inner error is left out.
        headers: additional headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        inner: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.inner = inner
        self.headers = dict(headers or {})
        super().__init__(message)

    @property
    def body(self) -> JSON:
        """The body of the response.

        The machine-learning service adds details to its errors (code `UserError`). Errors of the
        resource manager have no details.
        """
        short: dict[str, JSON] = {"code": self.code, "message": str(self)}
        if self.code != "UserError":
            return {"error": short}
        return {"error": {**short, "details": [], "additionalInfo": self._additional_info()}}

    def _additional_info(self) -> JSON:
        request = uuid.uuid4().hex
        info: list[tuple[str, JSON]] = [
            # These entries and their order are the same as in recorded responses.
            ("ComponentName", "managementfrontend"),
            ("Correlation", {"operation": request, "request": request[:16]}),
            ("Environment", LOCATION),
            ("Location", LOCATION),
            ("Time", datetime.now(UTC).isoformat()),
        ]
        if self.inner is not None:
            info.append(("InnerError", {"code": self.inner, "innerError": None}))
        return [{"type": kind, "info": {"value": value}} for kind, value in info]


def user_error(message: str, *, status: int = 400, inner: str | None = None) -> ServiceError:
    """Returns an error of the machine-learning service about a client's request."""
    return ServiceError(status, "UserError", message, inner=inner)


def no_environment(name: str, version: str = "") -> ServiceError:
    """Returns the recorded error about an unknown environment or version (404)."""
    return user_error(
        f"No environment exists for name: {name}, version: {version}, label: ",
        status=404,
        inner="NotFoundError",
    )


def unauthorized(error: str) -> ServiceError:
    """Returns the error about a missing or invalid token (401).

    Args:
        error: `missing_token` or `invalid_token`.
    """
    return ServiceError(
        401,
        "InvalidAuthenticationToken" if error == "invalid_token" else "AuthenticationFailed",
        "The access token is invalid."
        if error == "invalid_token"
        else "Authentication failed. The 'Authorization' header is missing.",
        headers={
            "WWW-Authenticate": f'Bearer authorization_uri="https://{LOGIN_HOST}/", error="{error}"'
        },
    )


def forbidden(client: str, action: str, scope: str) -> ServiceError:
    """Returns the error about a missing permission (403).

    Args:
        client: the client id of the caller.
        action: the permission that the request needs.
        scope: the path of the resource.
    """
    return ServiceError(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{client}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently "
        "granted, please refresh your credentials.",
    )


def no_resource(kind: str, name: str, group: str) -> ServiceError:
    """Returns the resource manager's error about an unknown resource (404).

    Args:
        kind: the type of the resource below the provider, such as `workspaces`.
        name: the name of the resource.
        group: the resource group of the resource.
    """
    return ServiceError(
        404,
        "ResourceNotFound",
        f"The Resource '{PROVIDER}/{kind}/{name}' under resource group "
        f"'{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def refused(error: RuleViolation, conflict: Literal[400, 409]) -> ServiceError:
    """Returns the service's error for a violated rule of the store.

    Args:
        error: the violated rule.
        conflict: the HTTP status if the request would change the fixed part of a version.
    """
    if error.rule == "unknown":
        return user_error(str(error), status=404, inner="NotFoundError")
    return user_error(str(error), status=conflict if error.rule == "fixed" else 400)
