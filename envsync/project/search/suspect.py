"""Explains why a file that looks like an environment is not read, and suggests a correction."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Final

from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.project.environment.paths import near_name
from envsync.project.search.shape import (
    SCHEMA,
    has_shape,
    has_similar_shape,
    is_similar_schema,
    similar_field,
)
from envsync.project.yaml.nodes import STR, TextProblem

_RULE: Final = "unrecognised-environment"
NOT_ONE: Final = "If the file is not an environment, add it to `exclude` in envsync.yaml."
"""The fix if a file that looks like an environment belongs to another tool."""

_MAX_KEYS: Final = 100

_IDENTIFYING: Final = ("name", "image", "build", "conda_file")
"""The fields by which an environment file is recognised."""


class Suspicion(Struct, frozen=True):
    """The reason why a file that looks like an environment is not read, and the problem to report.

    Attributes:
        reason: completes the sentence "It is not read as an environment: …".
        problem: the problem to report, of the rule `unrecognised-environment`.
    """

    reason: str
    problem: TextProblem


def _suspicion(reason: str, fix: str, node: Node | None) -> Suspicion:
    """Returns a suspicion at a node. If `node` is None, the position is the start of the file."""
    line, column = 1, 1
    if node is not None:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
    message = f"The file looks like an environment, but is not read as one: {reason}."
    fix = f"{fix} {NOT_ONE}"
    return Suspicion(reason, TextProblem(_RULE, message, fix=fix, line=line, column=column))


def escaping_link() -> TextProblem:
    """Returns the problem of a symbolic link that leads out of the project."""
    return TextProblem(
        "path-escape",
        "The symbolic link leads out of the project, so it is not followed.",
        fix="Replace the link with the directory itself, or add the link to `exclude` in "
        "envsync.yaml.",
    )


def unread_link(path: str, reason: str) -> TextProblem:
    """Returns the problem of a symbolic link that is not followed.

    Args:
        path: the absolute path of the link.
        reason: completes the sentence "The link is not followed: …".
    """
    try:
        end = os.readlink(path)
    except OSError:
        end = ""
    message = f"The link to `{end}` is not followed: {reason}."
    near = None if os.path.exists(path) else near_name(os.path.join(os.path.dirname(path), end))
    fix = f"Did you mean `{near}`?" if near else "Correct the link."
    ignore = "If the link leads to no environments, add the link to `exclude` in envsync.yaml."
    return TextProblem(_RULE, message, fix=f"{fix} {ignore}")


EMPTY: Final = Suspicion(
    "it has no content, or only comments",
    TextProblem(
        _RULE,
        "The file has no content, or only comments, so it declares no environment.",
        fix="Write an environment, delete the file, or add it to `exclude` in envsync.yaml.",
    ),
)


def suspect_schema(
    schema: str, keys: Collection[str], node: Node | None = None
) -> Suspicion | None:
    """Returns a suspicion if a file with a wrong `$schema` looks like an environment, else None.

    Args:
        schema: the value of `$schema`.
        keys: the top-level keys.
        node: the node of the key `$schema`, or None if the file could not be parsed.
    """
    others = [key for key in keys if key != "$schema"]
    if is_similar_schema(schema):
        is_suspect = "azureml" in schema.lower() or not {*others}.isdisjoint(_IDENTIFYING)
        reason = f"its `$schema` is `{schema}`, which is not the address of the environment schema"
    else:
        # A file of another kind usually has fields that environment files do not have.
        shaped = has_shape(others) or has_similar_shape(others)
        is_suspect = shaped and len(others) < _MAX_KEYS and all(map(similar_field, others))
        reason = f"its `$schema` belongs to another kind of file: `{schema}`"
    if not is_suspect:
        return None
    return _suspicion(reason, f"Write `$schema: {SCHEMA}`.", node)


def suspect_keys(
    keys: Collection[str],
    values: Mapping[str, Node] | None = None,
    nodes: Mapping[str, Node] | None = None,
) -> Suspicion | None:
    """Returns a suspicion if a file without `$schema` looks like an environment, else None.

    Args:
        keys: the top-level keys.
        values: the node of each value, by key, or None if the file could not be parsed.
        nodes: the node of each key, by key, or None if the file could not be parsed.
    """
    if not has_similar_shape(keys):
        return None
    for key in sorted(keys):
        field = similar_field(key)
        if field is None or field not in _IDENTIFYING or field in keys:
            continue
        if values is not None and not _fits(field, values.get(key)):
            continue
        reason = f"it has the key `{key}`, which is not a field of environment files"
        return _suspicion(reason, f"Did you mean `{field}`?", (nodes or {}).get(key))
    if "conda_file" not in keys:
        return None
    missing = "`name`" if "name" not in keys else "`image`, and no `build`"
    fix = f"Add {'a `name:`' if 'name' not in keys else 'an `image:`'} line."
    return _suspicion(f"it has `conda_file`, but no {missing}", fix, None)


def _fits(field: str, node: Node | None) -> bool:
    """Returns True if a value has the type that the field has in environment files."""
    if field == "build":
        return isinstance(node, MappingNode)
    if field == "conda_file":
        return True
    return isinstance(node, ScalarNode) and node.tag == STR


def unreadable_directory(reason: str) -> TextProblem:
    """Returns the problem of a directory that could not be read."""
    message = f"The directory cannot be read: {reason}. Environment files there are not found."
    fix = "Correct the permissions of the directory, or correct `environments` in envsync.yaml."
    return TextProblem("unreadable-directory", message, fix=fix)
