"""A saved plan is read strictly, as its JSON Schema says."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.plan.schema import violation
from tests.plan.test_plan import PLAN

SCHEMA: Any = json.loads(files("envsync").joinpath("schemas/plan.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SUPPORTED = {
    *("$ref", "$defs", "type", "const", "enum", "pattern", "minimum", "required", "properties"),
    *("additionalProperties", "items"),
}
EXPLAINING = {"$schema", "title", "description", "examples"}

# No floats: jsonschema accepts 1.0 as an integer, and envsync does not.
scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.text(max_size=3))
# Small data, because the schema refuses a wrong list or object at its first levels.
data = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Returns the path of each value in JSON data."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    return [path, *(place for key in keys for place in places(value[key], (*path, key)))]


@given(data=st.data(), value=data, remove=st.booleans())
def test_a_mutated_plan_is_valid_exactly_if_jsonschema_accepts_it(
    data: st.DataObject, value: Any, remove: bool
) -> None:
    plan: Any = json.loads(json.dumps(PLAN.to_json()))
    *above, last = data.draw(st.sampled_from([place for place in places(plan) if place]))
    parent = plan
    for key in above:
        parent = parent[key]
    if remove:
        del parent[last]
    else:
        parent[last] = value

    assert (violation(plan, SCHEMA) is None) == VALIDATOR.is_valid(plan)


def test_the_schema_uses_only_supported_keywords() -> None:
    def keywords(schema: Any) -> set[str]:
        found = set(schema)
        for key in ("items", "additionalProperties"):
            found |= keywords(schema[key]) if key in schema else set()
        for key in ("properties", "$defs"):
            for item in schema.get(key, {}).values():
                found |= keywords(item)
        return found

    assert keywords(SCHEMA) - EXPLAINING <= SUPPORTED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "x"}, "`digest` does not match ^sha256:[0-9a-f]{64}$"),
        ({"summary": None}, "`summary` is not of the type object"),
        ({"format_version": True}, "`format_version` is not 1"),
        ({"refused": 1}, "`refused` is not of the type string or null"),
        ({"warnings": [1]}, "`warnings[0]` is not of the type string"),
        ({"changes": [{}]}, "the key `action` is missing in `changes[0]`"),
        ({"target": {"name": "a", "kind": "b", "id": "c"}}, "`target.kind` is not one of "),
        ({"summary": {**PLAN.summary, "create": -1}}, "`summary.create` is less than 0"),
    ],
)
def test_a_violation_names_the_value(change: dict[str, Any], message: str) -> None:
    assert (violation(PLAN.to_json() | change, SCHEMA) or "").startswith(message)
