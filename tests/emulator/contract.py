"""Validates responses against the OpenAPI files of Azure ML.

The files are part of the shared test data. Without these files, nothing is validated.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

from tests.emulator.recordings import DATA

PREVIEW = "workspace-2023-04-01-preview"
STABLE = "workspace-2024-04-01"
REGISTRY = "registry-2021-10-01-dataplanepreview"

_DATAPLANE = "/mferp/managementfrontend"
_EXTERNAL: dict[str, Any] = {
    "Resource": {
        "properties": {
            "id": {"type": "string"},
            "name": {"type": "string"},
            "type": {"type": "string"},
            "systemData": {
                "type": "object",
                "properties": {
                    key: {"type": "string"}
                    for key in (
                        "createdAt",
                        "createdBy",
                        "createdByType",
                        "lastModifiedAt",
                        "lastModifiedBy",
                        "lastModifiedByType",
                    )
                },
                "additionalProperties": False,
            },
        }
    },
    "ErrorResponse": {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "target": {"type": "string"},
                    "details": {"type": "array"},
                    "additionalInfo": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"type": {"type": "string"}, "info": {"type": "object"}},
                            "additionalProperties": False,
                        },
                    },
                },
                "additionalProperties": False,
            }
        },
        "required": ["error"],
        "additionalProperties": False,
    },
}
"""Version 3 of the resource manager's common types, to which the OpenAPI files only refer."""

_UNDOCUMENTED = {
    "registryId",
    "registryFqdns",
    "intellectualPropertyPublisher",
    "isTradeRestricted",
}
"""Keys in recorded discovery responses that are missing in the OpenAPI."""


def document_for(host: str, path: str, query: dict[str, list[str]]) -> str | None:
    """Returns the name of the OpenAPI file for a request, or None if no file describes it."""
    if "/discovery" in path and "/registrymanagement/" in path:
        return "registry-discovery"
    if path.startswith(_DATAPLANE):
        return REGISTRY
    if host == "management.azure.com" and re.search("/(workspaces|registries)/", path):
        # Validate responses of the other API versions against the preview, because they have fewer
        # keys.
        stable = query.get("api-version", [""])[0] == "2024-04-01"
        return STABLE if stable else PREVIEW
    return None


def validated(method: str, url: str, *, status: int, body: Any) -> bool:
    """Validates a response. Returns False if the OpenAPI has no schema for it.

    Raises:
        AssertionError: the OpenAPI does not allow the response.
    """
    parts = urlsplit(url)
    document = document_for(parts.netloc, parts.path, parse_qs(parts.query))
    if document is None or not DATA.joinpath("contract", f"{document}.json").exists():
        return False
    responses = _responses(document, method.lower(), parts.path.removeprefix(_DATAPLANE))
    if responses is None:
        return False
    # The error responses of all operations have one common type.
    if status >= 400:
        errors = list(Draft202012Validator(_EXTERNAL["ErrorResponse"]).iter_errors(body))
        assert [error.message for error in errors] == []
        return True
    assert str(status) in responses, f"{method} {url} may not answer {status}"
    schema = responses[str(status)]
    if schema is None:
        assert body is None, f"{method} {url} answers {status} without a body"
        return True
    if document == "registry-discovery":
        body = {key: value for key, value in body.items() if key not in _UNDOCUMENTED}
    errors = list(Draft202012Validator(schema).iter_errors(body))
    assert [f"{'/'.join(map(str, error.path))}: {error.message}" for error in errors] == []
    return True


def _responses(document: str, method: str, path: str) -> dict[str, Any] | None:
    for pattern, operations in _operations(document):
        if pattern.fullmatch(path) and method in operations:
            found: dict[str, Any] = operations[method]
            return found
    return None


@cache
def _operations(document: str) -> list[tuple[re.Pattern[str], dict[str, dict[str, Any]]]]:
    data = json.loads(DATA.joinpath("contract", f"{document}.json").read_text(encoding="utf-8"))
    found = []
    for template, operations in data["paths"].items():
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", template), re.IGNORECASE)
        schemas = {
            method: {
                status: _schema(response, data)
                for status, response in operation["responses"].items()
            }
            for method, operation in operations.items()
        }
        found.append((pattern, schemas))
    return found


def _schema(response: dict[str, Any], data: dict[str, Any]) -> dict[str, Any] | None:
    schema = response.get("schema")
    if schema is None and "content" in response:
        schema = response["content"]["application/json"]["schema"]
    return None if schema is None else _resolved(schema, data)


def _resolved(schema: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Converts a schema of Swagger 2 or OpenAPI 3 to JSON Schema without references."""
    nullable = schema.get("x-nullable") or schema.get("nullable")
    if "$ref" in schema:
        schema = _definition(schema["$ref"], data)
    merged: dict[str, Any] = {}
    for part in schema.get("allOf", []):
        merged = {**merged, **_resolved(part, data).get("properties", {})}
    plain: dict[str, Any] = {
        key: schema[key]
        for key in ("type", "enum", "required", "minLength", "pattern")
        if key in schema
    }
    for key, item in schema.get("properties", {}).items():
        merged[key] = _resolved(item, data)
    if merged:
        plain["properties"] = merged
    if "items" in schema:
        plain["items"] = _resolved(schema["items"], data)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        plain["additionalProperties"] = _resolved(more, data)
    # A type with a discriminator is a base type, and its subtypes have further properties.
    elif (
        more is False and plain.get("type", "object") == "object" and "discriminator" not in schema
    ):
        plain["additionalProperties"] = False
    return {"anyOf": [plain, {"type": "null"}]} if nullable else plain


def _definition(reference: str, data: dict[str, Any]) -> dict[str, Any]:
    place, _, name = reference.rpartition("/")
    if not place.startswith("#"):
        found: dict[str, Any] = _EXTERNAL[name.removeprefix("Proxy")]
    elif place == "#/definitions":
        found = data["definitions"][name]
    else:
        found = data["components"]["schemas"][name]
    return found
