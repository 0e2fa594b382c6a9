"""The values of the query parameter `api-version` that the emulator accepts.

For any other value, the emulator returns 400, as Azure Resource Manager does.

The lists contain the API versions in which Azure ML supports environments. They also contain the
API versions that the Azure CLI sends in requests for subscriptions and tenants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from envsync.emulator.service.errors import ServiceError
from envsync.emulator.settings import LOCATION, PROVIDER

PUBLISHED = (
    "2021-03-01-preview",
    "2022-02-01-preview",
    "2022-05-01",
    "2022-06-01-preview",
    "2022-10-01",
    "2022-10-01-preview",
    "2022-12-01-preview",
    "2023-02-01-preview",
    "2023-04-01",
    "2023-04-01-preview",
    "2023-06-01-preview",
    "2023-08-01-preview",
    "2023-10-01",
    "2024-01-01-preview",
    "2024-04-01",
    "2024-04-01-preview",
    "2024-07-01-preview",
    "2024-10-01",
    "2024-10-01-preview",
    "2025-01-01-preview",
    "2025-04-01",
    "2025-04-01-preview",
    "2025-06-01",
    "2025-07-01-preview",
    "2025-09-01",
    "2025-10-01-preview",
    "2025-12-01",
)
"""The published API versions of environments. Source: the directories in
https://github.com/Azure/azure-rest-api-specs below
`specification/machinelearningservices/resource-manager` whose OpenAPI has environments."""

SENT = (
    "2021-10-01-dataplanepreview",  # azure-ai-ml (also recorded): environments of registries
    "2022-01-01-preview",  # azure-ai-ml up to 1.28: workspaces
    "2026-05-01-preview",  # azure-ai-ml 1.35: assets
)
"""Clients send these API versions, but no published OpenAPI file has them. Source: azure-ai-ml."""

MACHINE_LEARNING = tuple(sorted((*PUBLISHED, *SENT), reverse=True))
"""All API versions of Azure ML, newest first."""

RESOURCE_MANAGER = (
    "2022-12-01",
    "2021-01-01",
    "2019-11-01",
    "2019-06-01",
    "2018-06-01",
    "2016-06-01",
)
"""API versions of subscriptions and tenants. Source: azure-mgmt-resource, used by the Azure CLI."""

_RESOURCE = re.compile(rf"(?i).*/providers/{re.escape(PROVIDER)}/([^/]+)")
_SUBSCRIPTIONS = re.compile(r"(?i)/(subscriptions(/[^/]+)?|tenants)")


def check_api_version(path: str, query: Mapping[str, str]) -> None:
    """Checks the `api-version` of a request.

    Args:
        path: the path of the request.
        query: the query parameters of the request.

    Raises:
        ServiceError: the `api-version` is missing or unknown (400).
    """
    resource = _RESOURCE.match(path)
    if resource is None and not _SUBSCRIPTIONS.fullmatch(path):
        return
    requested = query.get("api-version")
    if requested is None:
        raise ServiceError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    known = RESOURCE_MANAGER if resource is None else MACHINE_LEARNING
    # The resource manager ignores the case of `api-version`.
    if requested.lower() in known:
        return
    supported = ", ".join(known)
    if resource is None:
        raise ServiceError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{requested}' is invalid. The supported versions are '{supported}'.",
        )
    raise ServiceError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{LOCATION}' and API version "
        f"'{requested}' for type '{resource[1]}'. The supported api-versions are '{supported}'. "
        f"The supported locations are '{LOCATION}'.",
    )
