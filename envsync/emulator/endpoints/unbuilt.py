"""The responses to requests that no endpoint of the emulator handles.

Clients treat a 404 as a missing resource. For an operation that is not implemented, the emulator
therefore returns a different status. The response is 501 if Azure ML has the operation, and 405 if
Azure ML has the path but not the method. For paths that do not exist in Azure ML, the response is
404.
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
    PROVIDER,
    REGISTRY_HOST,
)

_ML_AREAS = re.compile(r"(?i)/([\w-]+/v\d[\w.]*|mferp/managementfrontend|discovery|rp)(/.*)?")

_AREAS = {
    MANAGEMENT_HOST: re.compile(r"(?i)/(subscriptions|tenants|providers|batch)(/.*)?"),
    LOGIN_HOST: re.compile(r"(?i)/[^/]+/(oauth2|v2\.0|discovery|\.well-known)(/.*)?"),
    DISCOVERY_HOST: _ML_AREAS,
    REGISTRY_HOST: _ML_AREAS,
}
"""The paths that exist on each host of Azure. For all other paths, Azure itself returns 404."""

_WORKSPACE = f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{PROVIDER}/workspaces/{{w}}"
_OTHER_METHODS = (
    (pattern(_WORKSPACE), ("PUT", "PATCH", "DELETE")),
    (pattern(_WORKSPACE + "/datastores/{d}"), ("PUT", "DELETE")),
)
"""Paths of the emulator, with the HTTP methods that only Azure ML supports (OpenAPI)."""

_TYPE = re.compile(r"(?i).*/providers/([^/]+)/(.*)")


def missing(endpoints: Sequence[Endpoint], *, host: str, method: str, path: str) -> ServiceError:
    """Returns the error for a request that no endpoint handles.

    Args:
        endpoints: all endpoints of the emulator.
        host: a host of the emulator, in lower case.
        method: the HTTP method in capitals.
        path: the decoded path.
    """
    built = {
        item.method for item in endpoints if item.host == host and item.pattern.fullmatch(path)
    }
    if built and not _in_azure(host, method, path):
        # The emulator supports HEAD wherever it supports GET.
        allowed = ", ".join(sorted(built | ({"HEAD"} if "GET" in built else set())))
        return ServiceError(
            405,
            "MethodNotAllowed",
            f"Azure ML does not support {method} for https://{host}{path}; it supports {allowed}.",
            headers={"Allow": allowed},
        )
    if built or _AREAS[host].fullmatch(path):
        return ServiceError(
            501,
            "NotImplemented",
            f"The emulator does not implement {_kind(path)}: {method} https://{host}{path}. It "
            "implements environments in workspaces and registries, the default datastore, and "
            "login.",
        )
    return ServiceError(
        404,
        "NotFound",
        f"{method} https://{host}{path} exists neither in the emulator nor in Azure ML.",
    )


def _in_azure(host: str, method: str, path: str) -> bool:
    """Returns True if Azure ML supports a method at a path and the emulator does not."""
    if host != MANAGEMENT_HOST:
        return False
    return any(method in methods and found.fullmatch(path) for found, methods in _OTHER_METHODS)


def _kind(path: str) -> str:
    """Returns the resource type in a path, such as `Microsoft.X/workspaces/jobs`.

    Returns the path itself if it contains no type.
    """
    found = _TYPE.fullmatch(path)
    if found is None:
        return path
    # Types and names alternate in a path. Keep only the types, and drop the names.
    return "/".join((found[1], *found[2].split("/")[::2]))
