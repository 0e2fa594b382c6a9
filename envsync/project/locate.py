"""Finds the position of a field in an environment file or in its conda file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from yaml.nodes import MappingNode, Node, SequenceNode

from envsync.project.discovery import references
from envsync.project.files import Files, ParsedFile
from envsync.project.yaml.nodes import entries

# Matches one step of a `FieldChange.path`: `[2]`, `["quoted.key"]` or `.key`.
_STEP: Final = r'\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.\[\]]+)'


class Position(Struct, frozen=True):
    """A position in a file.

    Attributes:
        file: the path relative to the project, with `/`.
        line: 1-based.
        column: 1-based, in characters.
    """

    file: str
    line: int
    column: int


def locate(path: str, field: str, files: Files) -> Position | None:
    """Returns the position of the key of a field, or of the item if the field is in a list.

    Args:
        path: the absolute path of an environment file.
        field: a `FieldChange.path`. If the environment names a conda file, a field below
            `conda_file` is searched for in that file.
        files: the cache through which files are read.

    Returns:
        The position of the field, or of the nearest existing parent if the field does not exist.
        None if no parent exists.
    """
    steps = _steps(field)
    # A plan reports a change of `build.context`, but the file contains only `build.path`.
    if steps[:2] == ["build", "context"]:
        steps = ["build", "path"]
    if steps[0] == "conda_file" and len(steps) > 1:
        conda = references(path, files).get("conda_file", "")
        found = _position(conda, steps[1:], files) if os.path.isfile(conda) else None
        if found is not None:
            return found
    return _position(path, steps, files)


def _steps(field: str) -> list[str | int]:
    steps: list[str | int] = []
    for number, quoted, plain in re.findall(_STEP, field):
        steps.append(int(number) if number else json.loads(quoted) if quoted else plain)
    return steps


def _position(path: str, steps: Sequence[str | int], files: Files) -> Position | None:
    parsed = files.read(path)
    node = parsed.content if isinstance(parsed, ParsedFile) else None
    mark = None
    for step in steps:
        found = None if node is None else _step(node, step)
        if found is None:
            break
        key, node = found
        mark = key.start_mark
    if mark is None:
        return None
    return Position(files.display(path), mark.line + 1, mark.column + 1)


def _step(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """Returns the key and the value that a step selects. In a list, both nodes are the item."""
    if isinstance(node, MappingNode):
        pairs = {key.value: (key, item) for key, item in entries(node)}
        return pairs.get(step)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None
