"""YAML nodes: what each means to azure-ai-ml, and what is wrong with them whatever they are about.

Nodes are PyYAML's own: they carry their tag, their text as it is written, and where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH: Final = 300
"""How deeply collections may be nested; azure-ai-ml itself gives up between 400 and 500."""

MAX_EXPANSION: Final = 100_000
"""Nodes that a file may have once its aliases are written out, unless it is that long itself."""

MAX_NUMBER_LENGTH: Final = 4000
"""Characters of a number; Python refuses to print integers of more than 4,300 digits."""

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
_HARMLESS: Final = frozenset({STR, NULL})
_COLLECTIONS: Final = {
    MAP: MappingNode,
    _TAG + "set": MappingNode,
    SEQ: SequenceNode,
}


Value: TypeAlias = object
"""What a scalar means: None, bool, int, float, str, bytes, date or datetime."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in one file; lines and columns are 1-based, columns in characters."""

    rule: str
    message: str
    fix: str
    line: int
    column: int


class Entry(NamedTuple):
    """A key of a mapping with its value."""

    key: Node
    value: Node


def finding(rule: str, node: Node, message: str, fix: str) -> Finding:
    """A finding at the start of a node."""
    mark = node.start_mark
    return Finding(rule, message, fix, mark.line + 1, mark.column + 1)


def walk(root: Node) -> Iterator[Node]:
    """Every node below one, itself included, each once even where aliases repeat it."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, MappingNode):
            stack.extend(part for pair in node.value for part in pair)
        elif isinstance(node, SequenceNode):
            stack.extend(node.value)


class _Extent(NamedTuple):
    """How large a collection is once its aliases are written out: in values, and in levels."""

    size: int
    depth: int


_IN_PROGRESS: Final = _Extent(0, 0)


@dataclass(slots=True)
class _Checks:
    """What `check` knows so far: the collections behind it, and how many values are written."""

    findings: list[Finding]
    extents: dict[int, _Extent]
    written: int = 0


def check(root: Node) -> list[Finding]:
    """What is wrong with a document as such, whatever it is about.

    Returns:
        `yaml-syntax` for tags and scalars that mean nothing, `duplicate-key`, and `alias-bomb`.
        Where neither the first nor the last is among them, `value` and `entries` work on every
        node.
    """
    checks = _Checks([], {})
    if isinstance(root, ScalarNode):
        _check_scalar(root, checks.findings)
        return checks.findings
    size, depth = _check_collection(root, checks)
    if any(item.rule == "alias-bomb" for item in checks.findings):
        return checks.findings
    message = ""
    if depth > MAX_DEPTH:
        message = f"Aliases nest values {depth:,} deep."
    elif size > max(MAX_EXPANSION, 10 * checks.written):
        message = f"Aliases expand to {size:,} values, out of {checks.written:,} that are written."
    if message:
        fix = "Write the values out, or use fewer aliases."
        checks.findings.append(finding("alias-bomb", root, message, fix))
    return checks.findings


def _check_collection(node: Node, checks: _Checks) -> _Extent:
    """Checks a collection and all below; an alias stands after what it repeats, so each once."""
    known = checks.extents.get(id(node))
    if known is not None:
        if known is _IN_PROGRESS:
            message = "This value contains itself."
            checks.findings.append(finding("alias-bomb", node, message, "Write it out."))
        return known
    checks.extents[id(node)] = _IN_PROGRESS
    if not isinstance(node, _COLLECTIONS.get(node.tag, ())):
        checks.findings.append(_unknown_tag(node))
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
        elif child.tag not in _HARMLESS:
            _check_scalar(child, checks.findings)
    checks.written += len(children)
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
            key.tag = STR  # PyYAML takes `=` as a text where it is a key, and only there
        _check_key(key, item, keys, checks.findings)


def _check_key(key: Node, item: Node, keys: set[object], findings: list[Finding]) -> None:
    if key.tag == STR and isinstance(key, ScalarNode):
        meaning: object = key.value
    elif key.tag == MERGE:
        merged = item.value if isinstance(item, SequenceNode) else [item]
        for node in merged:
            if not isinstance(node, MappingNode):
                message = "`<<` merges mappings, and this is none."
                findings.append(finding("yaml-syntax", node, message, "Name an anchored mapping."))
        return
    elif not isinstance(key, ScalarNode):
        message = "A mapping or list cannot be a key."
        findings.append(finding("yaml-syntax", key, message, "Use a text as the key."))
        return
    else:
        try:
            meaning = value(key)
        except ValueError:
            return  # reported with the scalar itself
    if meaning in keys:
        message = f"The key `{key.value}` stands twice; only the last one would count."
        findings.append(finding("duplicate-key", key, message, "Remove one of the two."))
    keys.add(meaning)


def _check_scalar(node: ScalarNode, findings: list[Finding]) -> None:
    if node.tag not in _CONSTRUCTORS:
        findings.append(_unknown_tag(node))
        return
    try:
        value(node)
    except ValueError:
        kind = node.tag.removeprefix(_TAG)
        message = f"YAML reads this as {_KINDS.get(kind, kind)}, but it is not a valid one."
        findings.append(finding("yaml-syntax", node, message, "Quote it if it is meant as text."))


_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "a truth value",
    "timestamp": "a date",
    "binary": "base64",
}


def _unknown_tag(node: Node) -> Finding:
    tag = node.tag.replace(_TAG, "!!")
    if node.tag in (_VALUE, MERGE):
        message = f"`{node.value}` alone means nothing in YAML."
        return finding("yaml-syntax", node, message, "Quote it if it is meant as text.")
    message = f"The YAML tag `{tag}` means nothing here."
    return finding("yaml-syntax", node, message, "Remove the tag.")


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
    """What a scalar means to azure-ai-ml.

    Raises:
        ValueError: nothing; `check` reports it.
    """
    if node.tag == STR:
        text: str = node.value
        return text
    if node.tag in (INT, FLOAT) and len(node.value) > MAX_NUMBER_LENGTH:
        raise ValueError("the number is too long")
    try:
        meaning = _CONSTRUCTORS[node.tag](node)
        str(meaning)  # fails for an integer whose hexadecimal digits are few but too many
    except (ValueError, LookupError, AttributeError, OverflowError, yaml.YAMLError) as error:
        raise ValueError(f"{node.value!r} is no {node.tag}") from error
    return meaning


def entries(node: MappingNode) -> Sequence[tuple[Node, Node]]:
    """The keys and values of a mapping, those that `<<` merges in first.

    Later ones win over earlier ones with the same key, as they do for azure-ai-ml.
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
            # PyYAML puts every `<<` at the front in the order written; of a list, the first wins.
            sources = [item] if isinstance(item, MappingNode) else reversed(item.value)
            for source in sources:
                merged.extend(entries(source))
    return [*merged, *(pair for pair in pairs if pair[0].tag != MERGE)]
