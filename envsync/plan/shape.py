"""Checks that JSON data has the keys and types of a plan, and says which key is wrong.

The JSON Schema in `envsync/schemas/plan.json` describes the same document. This module needs no
package, and its messages name the wrong key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from envsync.plan.change import Action

Check: TypeAlias = Callable[[object, str], Iterator[str]]
"""Yields a phrase for each mistake in a value. The second argument is the path of the value."""


def not_a_plan(data: object) -> str | None:
    """Returns a phrase that says why JSON data is not a plan, or None if the data is a plan.

    Keys that the check does not know are ignored, because a later envsync can add keys.
    """
    return next(_PLAN(data, ""), None)


def _named(path: str) -> str:
    return f"`{path}`" if path else "it"


def _type(words: str, *types: type) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        # `isinstance` is not used, because True is an instance of int.
        if type(value) not in types:
            yield f"{_named(path)} is not {words}"

    return check


def _one_of(*values: str) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if value not in values:
            yield f"{_named(path)} is not one of {', '.join(values)}"

    return check


def _object(keys: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{_named(path)} is not a JSON object"
            return
        for key, inner in {**keys, **(optional or {})}.items():
            below = f"{path}.{key}" if path else key
            if key in value:
                yield from inner(value[key], below)
            elif key in keys:
                yield f"the key `{below}` is missing"

    return check


def _values(item: Check) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{_named(path)} is not a JSON object"
            return
        for key, inner in value.items():
            yield from item(inner, f'{path}["{key}"]')

    return check


def _list(item: Check) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{_named(path)} is not a list"
            return
        for index, inner in enumerate(value):
            yield from item(inner, f"{path}[{index}]")

    return check


def _or_null(inner: Check) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if value is not None:
            yield from inner(value, path)

    return check


def _anything(_value: object, _path: str) -> Iterator[str]:
    return iter(())


_STRING: Final = _type("a string", str)
_NUMBER: Final = _type("a whole number", int)
_BOOLEAN: Final = _type("true or false", bool)
_STRING_OR_NULL: Final = _type("a string or null", str, type(None))

_FIELD: Final = _object(
    {"path": _STRING, "before": _anything, "after": _anything},
    {"files": _values(_one_of("added", "removed", "modified"))},
)
_SUBJECT: Final = {
    "name": _STRING,
    "version": _STRING_OR_NULL,
    "fields": _list(_FIELD),
    "source": _or_null(_object({"file": _STRING, "line": _NUMBER})),
}
_DRIFTED: Final = _object(
    {
        "fields": _list(_STRING),
        "certain": _BOOLEAN,
        "by": _STRING_OR_NULL,
        "at": _STRING_OR_NULL,
    }
)
_CHANGE: Final = _object(
    {
        "action": _one_of(*Action),
        "scope": _one_of("version", "environment"),
        "reason": _STRING,
        "owner": _STRING_OR_NULL,
        **_SUBJECT,
    },
    {
        "predecessor": _STRING_OR_NULL,
        "differs": _list(_FIELD),
        "hides": _list(_STRING),
        "drifted": _DRIFTED,
    },
)
_REJECTION: Final = _object({"code": _STRING, "message": _STRING, "fix": _STRING, **_SUBJECT})
_USE: Final = _object(
    {
        "file": _STRING,
        "line": _NUMBER,
        "user": _STRING,
        "certainty": _one_of("exact", "probable"),
    }
)
_LATEST: Final = _object(
    {"name": _STRING, "before": _STRING_OR_NULL, "after": _STRING_OR_NULL},
    {"uses": _list(_USE)},
)
_OPTIONS: Final = _object(
    {},
    {
        "globs": _list(_STRING),
        "names": _or_null(_list(_STRING)),
        "take_over": _BOOLEAN,
        "allow_mass_archive": _BOOLEAN,
        "allow_in_use": _BOOLEAN,
    },
)
_PLAN: Final = _object(
    {
        "format_version": _NUMBER,
        "project": _STRING,
        "target": _object({"name": _STRING, "kind": _STRING, "id": _STRING}),
        "digest": _STRING,
        "summary": _object({"unchanged": _NUMBER}),
        "changes": _list(_CHANGE),
        "rejections": _list(_REJECTION),
        "latest": _list(_LATEST),
        "warnings": _list(_STRING),
        "refused": _STRING_OR_NULL,
    },
    {
        "options": _OPTIONS,
        "original": _object({"shown": _STRING, "fingerprints": _values(_STRING)}),
    },
)
