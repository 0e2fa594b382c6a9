"""Chooses the YAML style of each value, so that every reader of YAML reads the same value.

azure-ai-ml reads YAML 1.1 with PyYAML, in which `yes`, `1_000` and `1:30` are not strings. Editors
and other tools read YAML 1.2, in which `1e3` is a number. A string is written with quotes if YAML
1.1 or YAML 1.2 would read the text without quotes as another value. A string with invisible
characters has quotes as well: a terminal shows these characters as escapes, which YAML reads only
in quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode as NewerScalarNode
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from envsync.model.canonical import JSON
from envsync.project.writing.block_style import FOLD, Styled, Written, yaml_text
from envsync.project.yaml.nodes import STR

_COLUMNS: Final = 88
"""Maximum number of characters in a line of a description. A longer description is folded."""

MAX_BLOCK: Final = 100_000
"""Maximum number of characters of a string that is written on several lines.

ruamel.yaml needs seconds for a block of one megabyte.
"""

_FOLDABLE: Final = re.compile(r"(?<=[^\s]) (?=[^\s])")

# Matches texts that YAML 1.1 and YAML 1.2 read as strings. Words with another meaning, such as
# `false`, have at most five letters.
_USUAL: Final = re.compile(r"[A-Za-z][\w.,=<>!~*+/-]{5,}", re.ASCII)


def styled(value: JSON) -> Written:
    """Converts JSON data to values that `yaml_text` writes."""
    if isinstance(value, dict):
        return {quoted_if_needed(key): styled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [styled(item) for item in value]
    if isinstance(value, str):
        return text(value)
    return _number(value) if isinstance(value, float) else json.dumps(value)


def text(value: str) -> str | Styled:
    """Styles a string: as a block if it has several lines, otherwise like `quoted_if_needed`."""
    if "\n" in value.rstrip("\n") and not value.endswith("\n\n") and _can_be_block(value):
        block = Styled(value, "|")
        if _survives(block, value):
            return block
    return quoted_if_needed(value)


def prose(value: str) -> str | Styled:
    """Styles a description as `text` does, but folds a single long line at spaces."""
    if len(value) > _COLUMNS and "\n" not in value and _can_be_block(value):
        folded = Styled(FOLD.join(_folded(value)), ">")
        if folded.text != value and _survives(folded, value):
            return folded
    return text(value)


def quoted(value: str) -> Styled:
    """Returns a string that always has quotes."""
    return Styled(value, '"')


def quoted_if_needed(value: str) -> str | Styled:
    """Returns a string of one line, with quotes if YAML would otherwise read another value."""
    return value if _is_plain(value) else quoted(value)


def _can_be_block(value: str) -> bool:
    """Returns True if every character is visible, or is a line break or a tab."""
    return len(value) <= MAX_BLOCK and all(
        character.isprintable() or character in "\n\t" for character in value
    )


def _is_plain(value: str) -> bool:
    """Returns True if YAML 1.1 and YAML 1.2 read a string without quotes as the same string."""
    if _USUAL.fullmatch(value):
        return True
    # At the start of a line, `---` and `...` separate documents.
    if not value.isprintable() or value.startswith(("---", "...")):
        return False
    try:
        # The string is tested as a list item, because the value of a key follows the same rules in
        # block style. Flow style has more rules, but the emitter never writes flow style around
        # strings.
        root = yaml.compose(f"- {value}", Loader=_loader())
    except (yaml.YAMLError, ValueError):
        return False
    node = root.value[0] if isinstance(root, SequenceNode) and len(root.value) == 1 else None
    return (
        isinstance(node, ScalarNode)
        and not node.style
        and (node.tag, node.value) == (STR, value)
        and _newer().resolve(NewerScalarNode, value, (True, False)) == STR
        # As a key, a string that ends with a colon would be read differently.
        and not value.endswith(":")
    )


@cache
def _loader() -> type[yaml.SafeLoader]:
    # The parser in C is several times faster than the parser in Python, and has the same results.
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _newer() -> Any:
    return YAML().resolver


def _survives(block: Styled, expected: str) -> bool:
    """Returns True if a reader of the written block gets the expected string."""
    written = yaml_text({"key": block, "next": "1"})
    try:
        root = yaml.compose(written, Loader=_loader())
    except (yaml.YAMLError, ValueError):
        return False
    return isinstance(root, MappingNode) and (
        [node.value for pair in root.value for node in pair] == ["key", expected, "next", "1"]
    )


def _folded(value: str) -> Iterator[str]:
    """Yields the lines of a long line that is folded at spaces."""
    start = 0
    spaces = [found.start() for found in _FOLDABLE.finditer(value)]
    for position, following in pairwise([*spaces, len(value)]):
        if following - start > _COLUMNS:
            yield value[start:position]
            start = position + 1
    yield value[start:]


def _number(value: float) -> str:
    """Returns a float in a form that YAML 1.1 reads as a float: `1.0e+16`, not `1e+16`."""
    shown = repr(value)
    mantissa, exponent, power = shown.partition("e")
    return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else shown
