"""Evaluates the strings of Python code without running the code.

A reference in Python is often built from several constants: `f"azureml:{NAME}:{VERSION}"`. This
module replaces each name with the strings that the code assigns to the name. A value that is known
only when the code runs becomes a placeholder.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final, TypeAlias

from envsync.project.references.text import MAX_TEXT

_FORMAT: Final = re.compile(r"%(?:\(\w+\))?[sdr]")

MAX_VALUES: Final = 16
"""Maximum number of strings for one expression. For example, `a if x else b` has two strings."""

_MAX_DEPTH: Final = 50

_MAX_ASSIGNED: Final = 2 * MAX_VALUES
"""Maximum number of expressions that are kept for one name. Later expressions are ignored."""

UNKNOWN: Final = "{…}"
"""Stands for a value that is known only when the code runs. `text.PLACEHOLDER` matches this
text."""

Names: TypeAlias = Mapping[str, tuple[ast.expr, ...]]
"""The expressions that are assigned to each name, in the order of the code."""


def assigned(nodes: Iterable[ast.AST]) -> Names:
    """Returns the expressions that are assigned to names anywhere in the code.

    An attribute such as `env.name` is also a name. For example, `env = Environment(name="a")`
    assigns `"a"` to the name `env.name`.
    """
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        for name, value in _assignments(node):
            values = found.setdefault(name, [])
            if len(values) < _MAX_ASSIGNED:
                values.append(value)
    return {name: tuple(values) for name, values in found.items()}


def qualified(node: ast.expr) -> str:
    """Returns the dotted name of an expression, such as `a.b.get`, or "" if it has no such name."""
    parts: list[str] = []
    # Recursion would fail here, because generated code can have chains of thousands of attributes.
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


class Strings:
    """Computes the strings that expressions can evaluate to."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[int, list[str]] = {}
        self._depth = 0

    def of(self, node: ast.expr) -> list[str]:
        """Returns the strings that an expression can evaluate to. Unknown parts are placeholders.

        The result is empty if no part of the expression is known.
        """
        return [text for text in self._values(node) if text != UNKNOWN]

    def _values(self, node: ast.expr) -> list[str]:
        """Returns the possible strings of an expression, at most `MAX_VALUES`."""
        known = self._known.get(id(node))
        if known is None and self._depth == _MAX_DEPTH:
            return [UNKNOWN]
        if known is None:
            # While the expression is evaluated, its value is unknown. Otherwise, a name whose value
            # contains the name itself, such as `a = a + "b"`, would be evaluated forever.
            self._known[id(node)] = [UNKNOWN]
            self._depth += 1
            found = self._evaluate(node) or [UNKNOWN]
            self._depth -= 1
            known = self._known[id(node)] = list(dict.fromkeys(found))[:MAX_VALUES]
        return known

    def _evaluate(self, node: ast.expr) -> list[str]:
        if isinstance(node, ast.Constant):
            return _constant(node.value)
        if isinstance(node, ast.JoinedStr):
            return _joined([self._values(part) for part in node.values])
        if isinstance(node, ast.FormattedValue):
            plain = node.format_spec is None and node.conversion == -1
            return self._values(node.value) if plain else []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _joined([self._values(part) for part in (node.left, node.right)])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return [_FORMAT.sub(UNKNOWN, text) for text in self._values(node.left)]
        if isinstance(node, ast.IfExp):
            return [*self._values(node.body), *self._values(node.orelse)]
        if isinstance(node, ast.BoolOp):
            return [text for part in node.values for text in self._values(part)]
        if isinstance(node, ast.Call):
            return self._call(node)
        values = self._names.get(qualified(node), ())
        return [text for value in values for text in self._values(value)]

    def _call(self, node: ast.Call) -> list[str]:
        """Returns the possible results of a call of `str`, `format` or `os.getenv`.

        For `os.getenv`, the results are a placeholder and the default in the call.
        """
        name = qualified(node.func)
        if name == "str" and len(node.args) == 1:
            return self._values(node.args[0])
        if name in ("os.environ.get", "environ.get", "os.getenv", "getenv") and node.args[1:]:
            return [UNKNOWN, *self._values(node.args[1])]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            # The fields of the string, such as `{}`, are not replaced, because `text.PLACEHOLDER`
            # matches them.
            return self._values(node.func.value)
        return []


def _constant(value: object) -> list[str]:
    """Returns the string of a constant, or nothing if it cannot be part of a reference."""
    if isinstance(value, str):
        return [value] if len(value) <= MAX_TEXT else []
    # Python refuses to print an integer of more than 4,300 digits.
    is_short = isinstance(value, int) and value.bit_length() <= 64
    return [str(value)] if is_short else []


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    targets: list[ast.expr] = []
    value: ast.expr | None = None
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        targets, value = [node.target], node.value
    elif isinstance(node, ast.AugAssign):
        # `+=` adds to a value that is unknown here, so the sum is unknown as well.
        targets, value = [node.target], ast.Name("")
    if value is None:
        return
    for target in targets:
        yield from _assignment(target, value)


def _assignment(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for element, item in zip(target.elts, value.elts, strict=False):
            yield from _assignment(element, item)
    if name := qualified(target):
        yield name, value
        for attribute, item in _attributes(value):
            yield f"{name}.{attribute}", item


def _attributes(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yields each attribute of the object that a call returns, with the argument that sets it."""
    if not isinstance(value, ast.Call):
        return
    if isinstance(value.func, ast.Attribute) and value.func.attr == "create_or_update":
        # `create_or_update` returns its argument, so the result has the `name` and the `version` of
        # the argument.
        for argument in value.args[:1]:
            if qualified(argument):
                for attribute in ("name", "version"):
                    yield attribute, ast.Attribute(argument, attribute)
            else:
                yield from _attributes(argument)
    for keyword in value.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.value


def _joined(parts: list[list[str]]) -> list[str]:
    """Joins the strings of several parts in every combination.

    If a joined string could be longer than `MAX_TEXT`, the only result is a placeholder.
    """
    # Without a limit, a few lines such as `a = b + b` would create strings of gigabytes.
    if sum(max(map(len, part)) for part in parts) > MAX_TEXT:
        return [UNKNOWN]
    count = 1
    for part in parts:
        count *= len(part)
        if count > MAX_VALUES:
            parts = [part if len(part) == 1 else [UNKNOWN] for part in parts]
            break
    return ["".join(texts) for texts in product(*parts)]
