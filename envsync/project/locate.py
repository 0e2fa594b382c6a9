"""Where in a file a field of an environment stands."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from yaml.nodes import MappingNode, Node, SequenceNode

from envsync.project.discovery import references
from envsync.project.files import Sources
from envsync.project.yaml.nodes import entries

_STEP: Final = re.compile(r'\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.\[\]]+)')


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; the file as it is shown, line and column 1-based."""

    file: str
    line: int
    column: int


def locate(path: str, field: str, sources: Sources) -> Position | None:
    """Where a field stands: its key, or its item of a list.

    Args:
        path: an environment file, absolute.
        field: as `FieldChange.path` has it. What is inside a conda file of its own is found there.
        sources: reads the files.

    Returns:
        The place of the field; where it is gone, of what it was part of; None where that is gone,
        too.
    """
    steps = _steps(field)
    if steps[:2] == ["build", "context"]:
        steps = ["build", "path"]
    if steps[0] == "conda_file" and len(steps) > 1:
        conda = references(path, sources).get("conda_file", "")
        found = _position(conda, steps[1:], sources) if os.path.isfile(conda) else None
        if found is not None:
            return found
    return _position(path, steps, sources)


def _steps(field: str) -> list[str | int]:
    steps: list[str | int] = []
    for number, quoted, plain in _STEP.findall(field):
        steps.append(int(number) if number else json.loads(quoted) if quoted else plain)
    return steps


def _position(path: str, steps: Sequence[str | int], sources: Sources) -> Position | None:
    reading = sources.read(path)
    node = None if isinstance(reading, str) else reading.content
    mark = None
    for step in steps:
        found = None if node is None else _step(node, step)
        if found is None:
            break
        key, node = found
        mark = key.start_mark
    if mark is None:
        return None
    return Position(sources.display(path), mark.line + 1, mark.column + 1)


def _step(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """What a key or an index leads to, after what stands for it in the file."""
    if isinstance(node, MappingNode):
        pairs = {key.value: (key, item) for key, item in entries(node)}
        return pairs.get(step)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None
