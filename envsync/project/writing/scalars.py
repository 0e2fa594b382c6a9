"""Chooses the YAML style of each value, so that every reader of YAML reads the same value.

azure-ai-ml reads YAML 1.1 with PyYAML, in which `yes`, `1_000` and `1:30` are not strings. Editors
and other tools read YAML 1.2, in which `1e3` is a number. A string is written with quotes if YAML
1.1 or YAML 1.2 would read the text without quotes as another value. A string with invisible
characters has quotes as well: a terminal shows these characters as escapes, which YAML reads only
in quotes.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode as NewerScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
)
from yaml.nodes import ScalarNode, SequenceNode

from envsync.model.canonical import JSON
from envsync.project.yaml.nodes import FLOAT, NULL, STR

_COLUMNS: Final = 88
"""Maximum number of characters in a line of a description. A longer description is folded."""

_INDENT: Final = 2
_NEVER_FOLDED: Final = 1_000_000
_FOLDABLE: Final = re.compile(r"(?<=[^\s]) (?=[^\s])")


class Number(str):
    """The text of a number. The text is written without quotes."""

    __slots__ = ()


class _Representer(RoundTripRepresenter):
    """Writes numbers and null as plain text."""


_Representer.add_representer(Number, lambda writer, data: writer.represent_scalar(FLOAT, str(data)))
# By default, ruamel.yaml writes nothing for null, so the line would end with a space.
_Representer.add_representer(
    type(None), lambda writer, _data: writer.represent_scalar(NULL, "null")
)


def emitter() -> YAML:
    """Returns a writer of YAML in block style, with lists indented below their key."""
    found = YAML()
    found.Representer = _Representer
    found.indent(mapping=_INDENT, sequence=2 * _INDENT, offset=_INDENT)
    found.width = _NEVER_FOLDED
    found.allow_unicode = True
    return found


def styled(value: JSON) -> object:
    """Converts JSON data to values that `emitter` writes in the right style."""
    if isinstance(value, dict):
        return CommentedMap((quoted_if_needed(key), styled(item)) for key, item in value.items())
    if isinstance(value, list):
        return CommentedSeq(styled(item) for item in value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return _number(value)
    return value


def text(value: str) -> object:
    """Styles a string: as a block if it has several lines, otherwise like `quoted_if_needed`."""
    if "\n" in value.rstrip("\n") and not value.endswith("\n\n") and _is_visible(value):
        block = LiteralScalarString(value)
        if _survives(block, value):
            return block
    return quoted_if_needed(value)


def prose(value: str) -> object:
    """Styles a description as `text` does, but folds a single long line at spaces."""
    if len(value) > _COLUMNS and "\n" not in value and _is_visible(value):
        folded = FoldedScalarString(value)
        folded.fold_pos = _folds(value)
        if folded.fold_pos and _survives(folded, value):
            return folded
    return text(value)


def quoted(value: str) -> object:
    """Returns a string that always has quotes."""
    return DoubleQuotedScalarString(value)


def quoted_if_needed(value: str) -> str:
    """Returns a string of one line, with quotes if YAML would otherwise read another value."""
    return value if _is_plain(value) else DoubleQuotedScalarString(value)


def _is_visible(value: str) -> bool:
    """Returns True if every character is visible, or is a line break or a tab."""
    return all(character.isprintable() or character in "\n\t" for character in value)


def _is_plain(value: str) -> bool:
    """Returns True if YAML 1.1 and YAML 1.2 read a string without quotes as the same string."""
    if not value.isprintable():
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


def _survives(value: object, expected: str) -> bool:
    """Returns True if a reader of the written block gets the expected string."""
    from io import StringIO

    stream = StringIO()
    try:
        emitter().dump({"key": value, "next": 1}, stream)
        return bool(
            yaml.load(stream.getvalue(), Loader=yaml.SafeLoader) == {"key": expected, "next": 1}
        )
    except (yaml.YAMLError, ValueError):
        return False


def _folds(value: str) -> list[int]:
    """Returns the positions of the spaces at which a long line is folded."""
    folds: list[int] = []
    start = 0
    spaces = [found.start() for found in _FOLDABLE.finditer(value)]
    for position, following in pairwise([*spaces, len(value)]):
        if following - start > _COLUMNS:
            folds.append(position)
            start = position + 1
    return folds


def _number(value: float) -> Number:
    """Returns a float in a form that YAML 1.1 reads as a float: `1.0e+16`, not `1e+16`."""
    shown = repr(value)
    mantissa, exponent, power = shown.partition("e")
    return Number(f"{mantissa}.0e{power}" if exponent and "." not in mantissa else shown)
