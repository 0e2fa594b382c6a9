"""YAML nodes: the meaning of each node for azure-ai-ml, and the problems of a whole document.

Nodes are PyYAML's own classes. Each carries its tag, its text as written, and its position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Final, NamedTuple, TypeAlias

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH: Final = 300
"""Maximum nesting of collections. azure-ai-ml fails with a RecursionError between 400 and 500."""

MAX_EXPANSION: Final = 100_000
"""Maximum number of nodes after all aliases are expanded. Longer files may have more nodes."""

MAX_NUMBER_LENGTH: Final = 4000
"""Maximum characters of a number. Python refuses to print integers of more than 4,300 digits."""

_TAG: Final = "tag:yaml.org,2002:"
STR: Final = _TAG + "str"
NULL: Final = _TAG + "null"
MAP: Final = _TAG + "map"
SEQ: Final = _TAG + "seq"
BOOL: Final = _TAG + "bool"
INT: Final = _TAG + "int"
FLOAT: Final = _TAG + "float"
DATE: Final = _TAG + "timestamp"
BINARY: Final = _TAG + "binary"
MERGE: Final = _TAG + "merge"
_VALUE: Final = _TAG + "value"
# Most scalars have one of these two tags, and neither can have an invalid value.
_ALWAYS_VALID: Final = frozenset({STR, NULL})
_COLLECTIONS: Final = {
    MAP: MappingNode,
    _TAG + "set": MappingNode,
    SEQ: SequenceNode,
}


Value: TypeAlias = object
"""The Python value of a scalar: None, bool, int, float, str, bytes, date or datetime."""


@dataclass(frozen=True, slots=True)
class TextProblem:
    """A problem at a position of a text. A report adds the file name and the severity.

    Attributes:
        rule: the id of the broken rule.
        message: what is wrong.
        fix: what the user should do.
        line: 1-based.
        column: 1-based, in characters.
    """

    rule: str
    message: str
    _: KW_ONLY
    fix: str
    line: int = 1
    column: int = 1


class Entry(NamedTuple):
    """A key of a mapping with its value."""

    key: Node
    value: Node


def problem_at(rule: str, node: Node, message: str, *, fix: str) -> TextProblem:
    """Returns a problem at the start of a node."""
    mark = node.start_mark
    return TextProblem(rule, message, fix=fix, line=mark.line + 1, column=mark.column + 1)


def walk(root: Node) -> Iterator[Node]:
    """Yields `root` and every node below it, each once, even if aliases repeat it."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        # An alias is the same Python object as its anchor, so the identity tells them apart.
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, MappingNode):
            stack.extend(part for pair in node.value for part in pair)
        elif isinstance(node, SequenceNode):
            stack.extend(node.value)


class _Extent(NamedTuple):
    """The size of a collection after its aliases are expanded.

    Attributes:
        size: number of values.
        depth: levels of nesting.
    """

    size: int
    depth: int


_IN_PROGRESS: Final = _Extent(0, 0)


@dataclass(slots=True)
class _Checks:
    """The state of one `check`.

    Attributes:
        problems: the problems found so far.
        extents: the extent of each visited collection, by node identity.
        written: number of values that the file spells out.
    """

    problems: list[TextProblem]
    extents: dict[int, _Extent]
    written: int = 0


def check(root: Node) -> list[TextProblem]:
    """Returns the problems of a document that do not depend on its subject.

    Returns:
        `yaml-syntax` for tags and scalars without a meaning, `duplicate-key`, and `alias-bomb`.
        Without `yaml-syntax` and `alias-bomb`, `value` and `entries` work on every node.
    """
    checks = _Checks([], {})
    if isinstance(root, ScalarNode):
        _check_scalar(root, checks.problems)
        return checks.problems
    size, depth = _check_collection(root, checks)
    if any(item.rule == "alias-bomb" for item in checks.problems):
        return checks.problems
    message = ""
    if depth > MAX_DEPTH:
        message = f"Aliases nest values {depth:,} levels deep (maximum: {MAX_DEPTH})."
    elif size > max(MAX_EXPANSION, 10 * checks.written):
        message = f"Aliases expand {checks.written:,} written values to {size:,} values."
    if message:
        fix = "Write the values out, or use fewer aliases."
        checks.problems.append(problem_at("alias-bomb", root, message, fix=fix))
    return checks.problems


def _check_collection(node: Node, checks: _Checks) -> _Extent:
    """Checks a collection and everything below it, and returns its extent.

    An alias can only follow its anchor, so one visit of each collection is enough.
    """
    known = checks.extents.get(id(node))
    if known is not None:
        if known is _IN_PROGRESS:
            message = "This value contains itself through an alias."
            fix = "Replace the alias with the value that it should have."
            checks.problems.append(problem_at("alias-bomb", node, message, fix=fix))
        return known
    checks.extents[id(node)] = _IN_PROGRESS
    if not isinstance(node, _COLLECTIONS.get(node.tag, ())):
        checks.problems.append(_unknown_tag(node))
    if isinstance(node, MappingNode):
        _check_keys(node, checks)
        pairs = node.value
        children = [item for _, item in pairs] + [key for key, _ in pairs if key.tag != MERGE]
    else:
        children = node.value
    size = 1 + len(children)
    depth = 0
    for child in children:
        if not isinstance(child, ScalarNode):
            below = _check_collection(child, checks)
            size += below.size - 1
            depth = max(depth, below.depth)
        elif child.tag not in _ALWAYS_VALID:
            _check_scalar(child, checks.problems)
    checks.written += len(children)
    # The cap keeps the sizes of an alias bomb from becoming integers of thousands of digits.
    extent = _Extent(min(size, 10**12), depth + 1)
    checks.extents[id(node)] = extent
    return extent


def _check_keys(node: MappingNode, checks: _Checks) -> None:
    keys: set[object] = set()
    for key, item in node.value:
        if key.tag == STR and isinstance(key, ScalarNode) and key.value not in keys:
            keys.add(key.value)
            continue
        if key.tag == _VALUE:
            key.tag = STR  # PyYAML reads `=` as a string if it is a key, and only then
        _check_key(key, item, keys, checks.problems)


def _check_key(key: Node, item: Node, keys: set[object], problems: list[TextProblem]) -> None:
    if key.tag == STR and isinstance(key, ScalarNode):
        meaning: object = key.value
    elif key.tag == MERGE:
        merged = item.value if isinstance(item, SequenceNode) else [item]
        for node in merged:
            if not isinstance(node, MappingNode):
                message = "`<<` can only merge a mapping, and this value is not a mapping."
                fix = "Use an alias of a mapping, such as `<<: *defaults`."
                problems.append(problem_at("yaml-syntax", node, message, fix=fix))
        return
    elif not isinstance(key, ScalarNode):
        message = "A mapping or list cannot be a key."
        problems.append(problem_at("yaml-syntax", key, message, fix="Use a string as the key."))
        return
    else:
        try:
            meaning = value(key)
        except ValueError:
            return  # `_check_scalar` reports the key
    if meaning in keys:
        message = f"The key `{key.value}` is repeated. YAML keeps only the last value."
        fix = "Remove all but one."
        problems.append(problem_at("duplicate-key", key, message, fix=fix))
    keys.add(meaning)


def _check_scalar(node: ScalarNode, problems: list[TextProblem]) -> None:
    if node.tag not in _CONSTRUCTORS:
        problems.append(_unknown_tag(node))
        return
    try:
        value(node)
    except ValueError:
        kind = node.tag.removeprefix(_TAG)
        message = f"YAML reads this as {_KINDS.get(kind, kind)}, but the value is not valid."
        problems.append(problem_at("yaml-syntax", node, message, fix=_QUOTE))


_QUOTE: Final = "Quote it if you mean a string."

_KINDS: Final = {
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "timestamp": "a date",
    "binary": "base64",
}


def _unknown_tag(node: Node) -> TextProblem:
    tag = node.tag.replace(_TAG, "!!")
    if node.tag in (_VALUE, MERGE):
        message = f"`{node.value}` is a special key in YAML and cannot be a value."
        return problem_at("yaml-syntax", node, message, fix=_QUOTE)
    message = f"The YAML tag `{tag}` is not supported here."
    return problem_at("yaml-syntax", node, message, fix="Remove the tag.")


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


def value(node: ScalarNode) -> Value:
    """Returns the Python value that azure-ai-ml reads from a scalar.

    Raises:
        ValueError: the scalar has no valid value. `check` reports such scalars.
    """
    if node.tag == STR:
        text: str = node.value
        return text
    if node.tag in (INT, FLOAT) and len(node.value) > MAX_NUMBER_LENGTH:
        raise ValueError("the number is too long")
    try:
        meaning = _CONSTRUCTORS[node.tag](node)
        # A short hexadecimal or sexagesimal integer may have more digits than Python prints.
        str(meaning)
    except (ValueError, LookupError, AttributeError, OverflowError, yaml.YAMLError) as error:
        raise ValueError(f"{node.value!r} is not a valid {node.tag}") from error
    return meaning


def entries(node: MappingNode) -> Sequence[tuple[Node, Node]]:
    """Returns the keys and values of a mapping, starting with those that `<<` merges in.

    If a key is repeated, the last value wins, as in azure-ai-ml.
    """
    pairs: list[tuple[Node, Node]] = node.value
    for key, _ in pairs:
        if key.tag == MERGE:
            break
    else:
        return pairs
    merged: list[tuple[Node, Node]] = []
    for key, item in pairs:
        if key.tag == MERGE:
            # PyYAML puts all merged pairs first, in the order of their `<<` keys. In a list of
            # mappings the first mapping wins, so the list is read backwards.
            sources = [item] if isinstance(item, MappingNode) else reversed(item.value)
            for source in sources:
                merged.extend(entries(source))
    return [*merged, *(pair for pair in pairs if pair[0].tag != MERGE)]
