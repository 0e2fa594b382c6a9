"""What the service says when it refuses, in the words of recorded answers where there are any."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from envsync.model.canonical import JSON
from envsync.targets.refusals import RuleViolation


class ServiceError(Exception):
    """An answer with an error status.

    Attributes:
        status: the HTTP status.
        code: `error.code` of the body.
        inner: the code of the inner error, where the machine-learning service itself refuses;
            None leaves it out.
        headers: beside those that every answer has.
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
        """The answer's body: short from the resource manager, long from the service behind it."""
        short: dict[str, JSON] = {"code": self.code, "message": str(self)}
        if self.code != "UserError":
            return {"error": short}
        return {"error": {**short, "details": [], "additionalInfo": self._additional_info()}}

    def _additional_info(self) -> JSON:
        request = uuid.uuid4().hex
        info: list[tuple[str, JSON]] = [
            ("ComponentName", "managementfrontend"),
            ("Correlation", {"operation": request, "request": request[:16]}),
            ("Environment", "eastus"),
            ("Location", "eastus"),
            ("Time", datetime.now(UTC).isoformat()),
        ]
        if self.inner is not None:
            info.append(("InnerError", {"code": self.inner, "innerError": None}))
        return [{"type": kind, "info": {"value": value}} for kind, value in info]


def user_error(message: str, *, status: int = 400, inner: str | None = None) -> ServiceError:
    """The machine-learning service refuses what a client sent."""
    return ServiceError(status, "UserError", message, inner=inner)


def no_environment(name: str, version: str = "") -> ServiceError:
    """There is no such environment, in the words of a recorded answer."""
    return user_error(
        f"No environment exists for name: {name}, version: {version}, label: ",
        status=404,
        inner="NotFoundError",
    )


def unauthorized(error: str) -> ServiceError:
    """The request has no bearer token that is valid here."""
    return ServiceError(
        401,
        "InvalidAuthenticationToken" if error == "invalid_token" else "AuthenticationFailed",
        "The access token is invalid."
        if error == "invalid_token"
        else "Authentication failed. The 'Authorization' header is missing.",
        headers={
            "WWW-Authenticate": 'Bearer authorization_uri="https://login.microsoftonline.com/", '
            f'error="{error}"'
        },
    )


def forbidden(client: str, action: str, scope: str) -> ServiceError:
    """Who asks has no role that allows it."""
    return ServiceError(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{client}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently "
        "granted, please refresh your credentials.",
    )


def no_resource(kind: str, name: str, group: str) -> ServiceError:
    """The resource manager knows no such workspace, or nothing else that a path names."""
    return ServiceError(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.MachineLearningServices/{kind}/{name}' under resource group "
        f"'{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def refused(error: RuleViolation, conflict: Literal[400, 409]) -> ServiceError:
    """What a rule of the store forbids, as the service says it."""
    if error.rule == "unknown":
        return user_error(str(error), status=404, inner="NotFoundError")
    return user_error(str(error), status=conflict if error.rule == "fixed" else 400)
