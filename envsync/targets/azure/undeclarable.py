"""Finds the fields of a registered version that an environment file cannot declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envsync.model.canonical import JSON
from envsync.model.environment import ROUTES

READ_ONLY: Final = frozenset(
    {"environmentType", "provisioningState", "latestVersion", "nextVersion"}
)
"""Keys that only the service sets. The OpenAPI marks these keys as `readOnly`."""

_KNOWN: Final = READ_ONLY | {
    "description",
    "tags",
    "properties",
    "isArchived",
    "image",
    "condaFile",
    "build",
    "osType",
    "inferenceConfig",
    # In preview versions of the API, this field describes the built image (OpenAPI).
    "imageDetails",
}
"""Keys that have a field in envsync's model, and keys that only the service sets."""

_DEFAULTS: Final[Mapping[str, JSON]] = {
    "isAnonymous": False,
    "autoRebuild": "Disabled",
    "stage": "Development",
}
"""The values that these keys have in recorded responses if no client has set the keys."""

_SERVICE_PROPERTIES: Final = "azureml."
"""The prefix of the keys in `properties` that the service sets, such as `azureml.labels`."""


def undeclarable(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """Returns the fields of a version that an environment file cannot declare.

    Null fields, defaults of the service, and fields that the service sets are left out.
    """
    kept = properties.get("properties")
    own = kept.items() if isinstance(kept, dict) else ()
    found = {
        key: value
        for key, value in properties.items()
        if value is not None and key not in _KNOWN and value != _DEFAULTS.get(key)
    }
    inference = properties.get("inferenceConfig")
    # An environment file cannot declare only one or two of the three routes.
    if isinstance(inference, dict):
        routes = [key for key in ROUTES.values() if inference.get(key) is not None]
        if 0 < len(routes) < len(ROUTES):
            found["inferenceConfig"] = inference
    return found | {
        f"properties.{key}": value for key, value in own if not key.startswith(_SERVICE_PROPERTIES)
    }
