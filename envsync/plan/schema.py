"""Checks JSON data against the schema of a plan, and says which value is wrong.

Supports only the keywords of JSON Schema that `schemas/plan.json` contains.

The package jsonschema is not used, because envsync would need one more dependency, and more time to
start. A test compares this module with jsonschema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from envsync.model.canonical import JSON

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def not_a_plan(data: JSON) -> str | None:
    """Returns a phrase that says why JSON data is not a plan, or None if the data is a plan.

    Keys that the schema does not know are ignored, because a later envsync can add keys.
    """
    return violation(data, _plan_schema())


@cache
def _plan_schema() -> Mapping[str, Any]:
    """Returns the schema that `envsync schema plan` prints. The schema is a file of the package."""
    # Imported here, because only a saved plan needs the schema.
    from importlib.resources import files

    schema: dict[str, Any] = json.loads(
        files("envsync").joinpath("schemas", "plan.json").read_text("utf-8")
    )
    return schema


def violation(data: JSON, schema: Mapping[str, Any]) -> str | None:
    """Returns a phrase that says which value breaks a schema, or None if the data is valid.

    Args:
        data: the data.
        schema: the schema. `$ref` must refer to `$defs` of this schema.
    """
    return next(_violations(data, schema, schema, ""), None)


def _violations(
    data: JSON, schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[str]:
    where = f"`{path}`" if path else "the plan"
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "type" in schema and not _has_type(data, schema["type"]):
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        yield f"{where} is not of the type {' or '.join(names)}"
        return
    if "const" in schema and not _equal(data, schema["const"]):
        yield f"{where} is not {json.dumps(schema['const'])}"
    if "enum" in schema and not any(_equal(data, item) for item in schema["enum"]):
        yield f"{where} is not one of {', '.join(map(json.dumps, schema['enum']))}"
    if isinstance(data, str) and not re.search(schema.get("pattern", ""), data):
        yield f"{where} does not match {schema['pattern']}"
    if isinstance(data, int) and data < schema.get("minimum", data):
        yield f"{where} is less than {schema['minimum']}"
    if isinstance(data, dict):
        yield from _in_object(data, schema, root, path)
    elif isinstance(data, list) and "items" in schema:
        for index, item in enumerate(data):
            yield from _violations(item, schema["items"], root, f"{path}[{index}]")


def _in_object(
    data: dict[str, JSON], schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[str]:
    missing = next((key for key in schema.get("required", ()) if key not in data), None)
    if missing is not None:
        yield f"the key `{missing}` is missing" + (f" in `{path}`" if path else "")
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for key, item in data.items():
        inner = properties.get(key, others)
        if inner is not None:
            yield from _violations(item, inner, root, f"{path}.{key}".removeprefix("."))


def _has_type(data: JSON, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    # In Python, a bool is an int, but in JSON, true is not a number.
    return any(
        isinstance(data, _TYPES[name]) and (name == "boolean" or not isinstance(data, bool))
        for name in names
    )


def _equal(one: JSON, other: JSON) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
