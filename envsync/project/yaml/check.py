"""Checks a YAML document for problems that do not depend on the kind of file."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.project.yaml.nodes import (
    MAP,
    MAX_DEPTH,
    MERGE,
    NULL,
    SCALAR_TAGS,
    SEQ,
    STR,
    TAG_PREFIX,
    VALUE,
    TextProblem,
    entries,
    merge_sources,
    problem_at,
    value,
)

MAX_EXPANSION: Final = 100_000
"""Maximum number of values after all aliases are expanded.

For a file with more than 10,000 values, the limit is ten times the number of values in the file.
"""

MAX_MERGES: Final = 5_000
"""Maximum number of mappings with `<<`. Merging is slow."""

# Most scalars are strings or null. Strings and null are always valid, so they need no check.
_ALWAYS_VALID: Final = frozenset({STR, NULL})
_COLLECTIONS: Final = {MAP: MappingNode, TAG_PREFIX + "set": MappingNode, SEQ: SequenceNode}


class _Extent(Struct, frozen=True):
    """The size of a collection after its aliases are expanded.

    Attributes:
        size: number of values.
        depth: levels of nesting.
    """

    size: int
    depth: int


_IN_PROGRESS: Final = _Extent(0, 0)


class _Checks(Struct):
    """The state of one call of `check`.

    Attributes:
        problems: the problems found so far.
        merging: the mappings with a `<<` key.
        visited: the `id()` of each visited collection.
        unfinished: the `id()` of each collection whose content is being visited.
        has_loop: True if a collection contains itself.
        extents: the size and depth of each measured collection. The key is the `id()` of the node.
        written: number of values in the file, before aliases are expanded.
    """

    problems: list[TextProblem]
    merging: list[MappingNode] = field(default_factory=list)
    visited: set[int] = field(default_factory=set)
    unfinished: set[int] = field(default_factory=set)
    has_loop: bool = False
    extents: dict[int, _Extent] = field(default_factory=dict)
    written: int = 0


def check(root: Node, *, has_aliases: bool = True) -> list[TextProblem]:
    """Checks the tags, keys, scalars and aliases of a document.

    Args:
        root: the outermost node.
        has_aliases: False if the document has no alias, so that no value can be expanded.

    Returns:
        The problems of the rules `yaml-syntax`, `duplicate-key` and `alias-bomb`. If no problem has
        the rule `yaml-syntax` or `alias-bomb`, `value` and `entries` work on every node.
    """
    problems: list[TextProblem] = []
    if isinstance(root, ScalarNode):
        _check_scalar(root, problems)
        return problems
    checks = _Checks(problems)
    _check_collection(root, checks)
    # Measuring thousands of mappings is slow, so only a loop is reported instead of their number.
    if len(checks.merging) > MAX_MERGES and not checks.has_loop:
        problems.append(_alias_bomb(root, _TOO_MANY_MERGES))
    elif has_aliases:
        _check_aliases(root, checks)
    # `_check_merged` uses `entries`, which works only on a file without problems of the rules
    # `yaml-syntax` and `alias-bomb`.
    if not any(item.rule in ("yaml-syntax", "alias-bomb") for item in problems):
        for node in checks.merging:
            _check_merged(node, problems)
    return problems


def _check_collection(node: Node, checks: _Checks) -> None:
    """Checks the tags, keys and scalars of a collection and of everything in the collection.

    Each collection is visited only once, even if aliases lead to the collection again.
    """
    if id(node) in checks.visited:
        checks.has_loop |= id(node) in checks.unfinished
        return
    checks.visited.add(id(node))
    checks.unfinished.add(id(node))
    if not isinstance(node, _COLLECTIONS.get(node.tag, ())):
        checks.problems.append(_unknown_tag(node))
    children = node.value
    if isinstance(node, MappingNode):
        children = [item for _, item in node.value]
        children += _check_keys(node, checks)
    for child in children:
        if not isinstance(child, ScalarNode):
            _check_collection(child, checks)
        elif child.tag not in _ALWAYS_VALID:
            _check_scalar(child, checks.problems)
    checks.unfinished.remove(id(node))


def _check_aliases(root: Node, checks: _Checks) -> None:
    """Reports aliases that expand a document too much."""
    extent = _measure(root, checks)
    if any(item.rule == "alias-bomb" for item in checks.problems):
        return
    message = ""
    if extent.depth > MAX_DEPTH:
        message = f"Aliases nest values {extent.depth:,} levels deep (maximum: {MAX_DEPTH})."
    elif extent.size > max(MAX_EXPANSION, 10 * checks.written):
        message = (
            f"Aliases expand the {checks.written:,} values of the file to {extent.size:,} values."
        )
    if message:
        checks.problems.append(_alias_bomb(root, message))


_TOO_MANY_MERGES: Final = f"More than {MAX_MERGES:,} mappings use `<<`."


def _alias_bomb(root: Node, message: str) -> TextProblem:
    fix = "Write the values instead of aliases, or use fewer aliases."
    return problem_at("alias-bomb", root, message, fix=fix)


def _measure(node: Node, checks: _Checks) -> _Extent:
    """Returns the size and depth of a collection, and reports a collection that contains itself.

    Each collection is measured only once. If an alias leads to the collection again, the size
    and depth from the first time are returned.
    """
    known = checks.extents.get(id(node))
    if known is not None:
        if known is _IN_PROGRESS:
            message = "This value contains itself through an alias."
            fix = "Write the intended value instead of the alias."
            checks.problems.append(problem_at("alias-bomb", node, message, fix=fix))
        return known
    # This marker detects a collection that contains itself. Finally, the size and depth of the
    # collection replace the marker.
    checks.extents[id(node)] = _IN_PROGRESS
    children = node.value
    if isinstance(node, MappingNode):
        # `<<` itself is not a value of the expanded document.
        keys = [key for key, _ in node.value if key.tag != MERGE]
        children = [item for _, item in node.value] + keys
    size = 1 + len(children)
    depth = 0
    for child in children:
        if not isinstance(child, ScalarNode):
            below = _measure(child, checks)
            size += below.size - 1
            depth = max(depth, below.depth)
    checks.written += len(children)
    # The size is capped, because the size of an alias bomb can have thousands of digits.
    extent = _Extent(min(size, 10**12), depth + 1)
    checks.extents[id(node)] = extent
    return extent


def _check_keys(node: MappingNode, checks: _Checks) -> list[Node]:
    """Checks the keys of a mapping. Returns the keys that must be checked as values, too."""
    keys: set[object] = set()
    others: list[Node] = []
    for key, item in node.value:
        if key.tag == STR and isinstance(key, ScalarNode) and key.value not in keys:
            keys.add(key.value)
            continue
        if key.tag == VALUE:
            key.tag = STR  # PyYAML reads `=` as a string only if it is a key
        _check_key(key, item, keys, checks.problems)
        others.append(key)
    if all(key.tag != MERGE for key in others):
        return others
    checks.merging.append(node)
    return [key for key in others if key.tag != MERGE]


def _check_key(key: Node, item: Node, keys: set[object], problems: list[TextProblem]) -> None:
    if key.tag == STR and isinstance(key, ScalarNode):
        meaning: object = key.value
    elif key.tag == MERGE:
        merged = item.value if isinstance(item, SequenceNode) else [item]
        wrong = next((node for node in merged if not isinstance(node, MappingNode)), None)
        # Only the first wrong value is reported, because all values of a list are wrong for the
        # same reason.
        if wrong is not None:
            message = "`<<` can only merge a mapping, and this value is not a mapping."
            fix = "Use an alias of a mapping, such as `<<: *defaults`."
            problems.append(problem_at("yaml-syntax", wrong, message, fix=fix))
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
        fix = "Keep only one of these keys."
        problems.append(problem_at("duplicate-key", key, message, fix=fix))
    keys.add(meaning)


def _check_merged(node: MappingNode, problems: list[TextProblem]) -> None:
    """Reports each key to which several merged mappings give different values.

    According to the YAML specification, the first mapping of a list wins. In PyYAML 6.0.4, the last
    mapping wins for most keys, and in earlier releases the first mapping wins. The value would
    therefore depend on the release of PyYAML that is installed with azure-ai-ml.
    """
    sources = merge_sources(node)
    if len(sources) < 2:
        return
    written = {key.value for key, _ in node.value if isinstance(key, ScalarNode)}
    found: dict[object, Node] = {}
    for source in sources:
        for name, item in {key.value: item for key, item in entries(source)}.items():
            other = found.setdefault(name, item)
            if name in written or _is_same(item, other):
                continue
            merge = next(key for key, _ in node.value if key.tag == MERGE)
            message = f"`<<` merges the key `{name}` with different values. {_WHICH_WINS}"
            fix = f"Write `{name}:` in this mapping as well, or merge only one of the values."
            problems.append(problem_at("duplicate-key", merge, message, fix=fix))


def _is_same(one: Node, other: Node) -> bool:
    if isinstance(one, ScalarNode) and isinstance(other, ScalarNode):
        return (one.tag, one.value) == (other.tag, other.value)
    return one is other


_WHICH_WINS: Final = "Which value wins depends on the release of PyYAML."


def _check_scalar(node: ScalarNode, problems: list[TextProblem]) -> None:
    if node.tag not in SCALAR_TAGS:
        problems.append(_unknown_tag(node))
        return
    try:
        value(node)
    except ValueError:
        kind = node.tag.removeprefix(TAG_PREFIX)
        message = f"YAML reads this value as {_KINDS.get(kind, kind)}, but the value is not valid."
        problems.append(problem_at("yaml-syntax", node, message, fix=_QUOTE))


_QUOTE: Final = "Put the value in quotes if it is a string."

_KINDS: Final = {
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "timestamp": "a date",
    "binary": "base64",
}


def _unknown_tag(node: Node) -> TextProblem:
    tag = node.tag.replace(TAG_PREFIX, "!!")
    if node.tag in (VALUE, MERGE):
        message = f"`{node.value}` is a special key in YAML and cannot be a value."
        return problem_at("yaml-syntax", node, message, fix=_QUOTE)
    message = f"The YAML tag `{tag}` is not supported here."
    return problem_at("yaml-syntax", node, message, fix="Remove the tag.")
