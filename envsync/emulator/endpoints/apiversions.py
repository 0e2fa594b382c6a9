"""Which `api-version` a request may name. The resource manager answers 400 to any other one.

Listed are those that environments have, and those of subscriptions and tenants that the Azure CLI
sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from envsync.emulator.service.errors import ServiceError

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
"""Source: the directories of https://github.com/Azure/azure-rest-api-specs below
`specification/machinelearningservices/resource-manager` whose OpenAPI has environments."""

SENT = (
    "2021-10-01-dataplanepreview",  # azure-ai-ml, and recorded: environments of registries
    "2022-01-01-preview",  # azure-ai-ml up to 1.28: workspaces
    "2026-05-01-preview",  # azure-ai-ml 1.35: its client of assets
)
"""Source: the code of those clients. No published OpenAPI has them."""

MACHINE_LEARNING = tuple(sorted((*PUBLISHED, *SENT), reverse=True))
"""For everything below `Microsoft.MachineLearningServices`."""

RESOURCE_MANAGER = (
    "2022-12-01",
    "2021-01-01",
    "2019-11-01",
    "2019-06-01",
    "2018-06-01",
    "2016-06-01",
)
"""For subscriptions and tenants. Source: azure-mgmt-resource, which the Azure CLI asks with."""

_PROVIDER = re.compile(r"(?i).*/providers/microsoft\.machinelearningservices/([^/]+)")
_SUBSCRIPTIONS = re.compile(r"(?i)/(subscriptions(/[^/]+)?|tenants)")


def check_api_version(path: str, query: Mapping[str, str]) -> None:
    """Whether the resource manager would take the request's `api-version` there.

    Args:
        path: of the request.
        query: its parameters.

    Raises:
        ServiceError: it is missing, or nothing there has it (400).
    """
    provider = _PROVIDER.match(path)
    if provider is None and not _SUBSCRIPTIONS.fullmatch(path):
        return
    asked = query.get("api-version")
    if asked is None:
        raise ServiceError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    known = RESOURCE_MANAGER if provider is None else MACHINE_LEARNING
    if asked.lower() in known:
        return
    supported = ", ".join(known)
    if provider is None:
        raise ServiceError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{asked}' is invalid. The supported versions are '{supported}'.",
        )
    raise ServiceError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'eastus' and API version '{asked}' "
        f"for type '{provider[1]}'. The supported api-versions are '{supported}'. "
        "The supported locations are 'eastus'.",
    )
