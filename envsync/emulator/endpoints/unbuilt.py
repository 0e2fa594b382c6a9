"""What the emulator does not have, said so that no client takes it for something that is gone.

404 is the answer for a resource that could be there and is not. A path of the service that is not
built is 501, and a method that the service itself does not have there is 405.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envsync.emulator.service.errors import ServiceError
from envsync.emulator.service.routing import Endpoint, pattern
from envsync.emulator.settings import (
    DISCOVERY_HOST,
    LOGIN_HOST,
    MANAGEMENT_HOST,
    REGISTRY_HOST,
)

_ML_AREAS = re.compile(r"(?i)/([\w-]+/v\d[\w.]*|mferp/managementfrontend|discovery|rp)(/.*)?")

_AREAS = {
    MANAGEMENT_HOST: re.compile(r"(?i)/(subscriptions|tenants|providers|batch)(/.*)?"),
    LOGIN_HOST: re.compile(r"(?i)/[^/]+/(oauth2|v2\.0|discovery|\.well-known)(/.*)?"),
    DISCOVERY_HOST: _ML_AREAS,
    REGISTRY_HOST: _ML_AREAS,
}
"""The paths that a host of the service has. Others are 404 there, too."""

_PROVIDER = "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.MachineLearningServices"
_WORKSPACE = _PROVIDER + "/workspaces/{w}"
_OTHER_METHODS = (
    (pattern(_WORKSPACE), ("PUT", "PATCH", "DELETE")),
    (pattern(_WORKSPACE + "/datastores/{d}"), ("PUT", "DELETE")),
)
"""What the service has beside what is built (OpenAPI)."""

_TYPE = re.compile(r"(?i).*/providers/([^/]+)/(.*)")


def missing(endpoints: Sequence[Endpoint], host: str, method: str, path: str) -> ServiceError:
    """The answer to a request that no endpoint is for.

    Args:
        endpoints: all that are built.
        host: one of the emulator's, in lower case.
        method: in capital letters.
        path: decoded.
    """
    built = {
        item.method for item in endpoints if item.host == host and item.pattern.fullmatch(path)
    }
    if built and not _has(host, method, path):
        allowed = ", ".join(sorted(built | ({"HEAD"} if "GET" in built else set())))
        return ServiceError(
            405,
            "MethodNotAllowed",
            f"Azure ML has no {method} for https://{host}{path}; it has {allowed}.",
            headers={"Allow": allowed},
        )
    if built or _AREAS[host].fullmatch(path):
        return ServiceError(
            501,
            "NotImplemented",
            f"The emulator does not build {_kind(path)}: {method} https://{host}{path}. It has "
            "environments of workspaces and registries, the default datastore, and logging in.",
        )
    return ServiceError(
        404, "NotFound", f"There is no {method} https://{host}{path}, neither here nor in Azure ML."
    )


def _has(host: str, method: str, path: str) -> bool:
    """Whether the service has a method where the emulator has others."""
    if host != MANAGEMENT_HOST:
        return False
    return any(method in methods and found.fullmatch(path) for found, methods in _OTHER_METHODS)


def _kind(path: str) -> str:
    """What a path is of: a resource type such as `Microsoft.X/workspaces/jobs`, else the path."""
    found = _TYPE.fullmatch(path)
    if found is None:
        return path
    return "/".join((found[1], *found[2].split("/")[::2]))
