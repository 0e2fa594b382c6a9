"""Reads values from YAML nodes, as azure-ai-ml does.

The nodes are objects of PyYAML. Each node has a tag and a position. A scalar also has its text,
which is not converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

import yaml
from msgspec import Struct
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH: Final = 300
"""Maximum nesting of collections. azure-ai-ml raises RecursionError between 400 and 500 levels."""

MAX_NUMBER_LENGTH: Final = 4000
"""Maximum characters of a number. Python refuses to print integers of more than 4,300 digits."""

TAG_PREFIX: Final = "tag:yaml.org,2002:"
STR: Final = TAG_PREFIX + "str"
NULL: Final = TAG_PREFIX + "null"
MAP: Final = TAG_PREFIX + "map"
SEQ: Final = TAG_PREFIX + "seq"
BOOL: Final = TAG_PREFIX + "bool"
INT: Final = TAG_PREFIX + "int"
FLOAT: Final = TAG_PREFIX + "float"
DATE: Final = TAG_PREFIX + "timestamp"
BINARY: Final = TAG_PREFIX + "binary"
MERGE: Final = TAG_PREFIX + "merge"
VALUE: Final = TAG_PREFIX + "value"

Value: TypeAlias = object
"""The Python value of a scalar: None, bool, int, float, str, bytes, date or datetime."""


class TextProblem(Struct, frozen=True):
    """A problem at a position in a text. `Report` adds the file name and the severity.

    Attributes:
        rule: the id of the broken rule.
        message: what is wrong.
        fix: what the user should do.
        line: 1-based.
        column: 1-based, in characters.
    """

    rule: str
    message: str
    fix: str
    line: int = 1
    column: int = 1


class Mark(Struct, frozen=True):
    """A position in a text.

    Attributes:
        line: 1-based.
        column: 1-based, in characters.
    """

    line: int
    column: int

    @classmethod
    def of(cls, node: Node) -> Mark:
        """Returns the start of a node."""
        return cls(node.start_mark.line + 1, node.start_mark.column + 1)


class Entry(Struct, frozen=True):
    """A key of a mapping, and the value of the key."""

    key: Node
    value: Node


def problem_at(rule: str, position: Node | Mark, message: str, *, fix: str) -> TextProblem:
    """Returns a problem at the start of a node, or at a position."""
    mark = Mark.of(position) if isinstance(position, Node) else position
    return TextProblem(rule, message, fix=fix, line=mark.line, column=mark.column)


def walk(root: Node) -> Iterator[Node]:
    """Yields `root` and every node below it. A node with aliases is yielded only once."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        # An alias and its anchor are the same Python object, so `id` detects a repeated node.
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, MappingNode):
            stack.extend(part for pair in node.value for part in pair)
        elif isinstance(node, SequenceNode):
            stack.extend(node.value)


_CONSTRUCTOR: Final = SafeConstructor()
_CONSTRUCTORS: Final[dict[str, Callable[[ScalarNode], object]]] = {
    STR: lambda node: node.value,
    NULL: lambda _: None,
    BOOL: _CONSTRUCTOR.construct_yaml_bool,
    INT: _CONSTRUCTOR.construct_yaml_int,
    FLOAT: _CONSTRUCTOR.construct_yaml_float,
    DATE: _CONSTRUCTOR.construct_yaml_timestamp,
    BINARY: _CONSTRUCTOR.construct_yaml_binary,
}

SCALAR_TAGS: Final = frozenset(_CONSTRUCTORS)
"""The tags of scalars that azure-ai-ml can read."""


def value(node: ScalarNode) -> Value:
    """Returns the Python value that azure-ai-ml reads from a scalar.

    Raises:
        ValueError: the text of the scalar is not valid for its tag. `check` reports a scalar that
            is not valid for its tag.
    """
    # PyYAML reads `=` as a string only if it is a key. In any other place, `check` reports `=`.
    if node.tag in (STR, VALUE):
        text: str = node.value
        return text
    if node.tag in (INT, FLOAT) and len(node.value) > MAX_NUMBER_LENGTH:
        raise ValueError("the number is too long")
    try:
        meaning = _CONSTRUCTORS[node.tag](node)
        # `str` raises ValueError for an integer with too many decimal digits. Even a short
        # hexadecimal or sexagesimal number can have too many decimal digits.
        str(meaning)
    except (ValueError, LookupError, AttributeError, OverflowError, yaml.YAMLError) as error:
        raise ValueError(f"{node.value!r} is not a valid {node.tag}") from error
    return meaning


def entries(node: MappingNode) -> Sequence[tuple[Node, Node]]:
    """Returns the keys and values of a mapping. The pairs that `<<` merges in come first.

    If a key is repeated, the last value wins, as in azure-ai-ml.
    """
    pairs: list[tuple[Node, Node]] = node.value
    # Most mappings have no `<<`. A loop is faster here than a generator.
    for key, _ in pairs:
        if key.tag == MERGE:
            break
    else:
        return pairs
    # Let PyYAML merge the mappings, because the order of the merged pairs depends on the installed
    # release of PyYAML. `flatten_mapping` changes the node and every merged mapping, so only copies
    # are passed.
    copy = _copy_merged(node)
    _CONSTRUCTOR.flatten_mapping(copy)
    merged: list[tuple[Node, Node]] = copy.value
    return merged


def merge_sources(node: MappingNode) -> Sequence[MappingNode]:
    """Returns the mappings that `<<` merges into a mapping, in the order of the file."""
    merged = [item for key, item in node.value if key.tag == MERGE]
    found = (item.value if isinstance(item, SequenceNode) else [item] for item in merged)
    return [source for sources in found for source in sources if isinstance(source, MappingNode)]


def _copy_merged(node: MappingNode) -> MappingNode:
    """Returns a copy of a mapping and of all mappings that are merged into it."""
    pairs = [(key, _copy(item) if key.tag == MERGE else item) for key, item in node.value]
    return MappingNode(node.tag, pairs, node.start_mark, node.end_mark)


def _copy(merged: Node) -> Node:
    if isinstance(merged, MappingNode):
        return _copy_merged(merged)
    items = [_copy(item) for item in merged.value]
    return SequenceNode(merged.tag, items, merged.start_mark, merged.end_mark)
