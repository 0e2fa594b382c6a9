"""Evaluates the strings of Python code without running the code.

A reference in Python is often built from several constants: `f"azureml:{NAME}:{VERSION}"`. This
module follows names that are assigned strings, and puts a placeholder in place of every value that
only a run would show.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final, TypeAlias

_FORMAT: Final = re.compile(r"%(?:\(\w+\))?[sdr]")

MAX_VALUES: Final = 16
"""Maximum number of strings that one expression can have, for example through conditions."""

_MAX_DEPTH: Final = 50

UNKNOWN: Final = "{…}"
"""The placeholder of a value that only a run would show. `text.PLACEHOLDER` matches it."""

Names: TypeAlias = Mapping[str, tuple[ast.expr, ...]]
"""The expressions that are assigned to each name, in the order of the code."""


def assigned(trees: Iterable[ast.AST]) -> Names:
    """Returns the expressions that are assigned to names anywhere in the code.

    An attribute such as `env.name` is a name, too: `env = Environment(name="a")` assigns `"a"`.
    """
    found: dict[str, list[ast.expr]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            for name, value in _assignments(node):
                found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def qualified(node: ast.expr) -> str:
    """Returns the name of an expression, such as `client.environments.get`, or ""."""
    parts: list[str] = []
    # A loop, because generated code can have chains of thousands of attributes.
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


class Strings:
    """Evaluates expressions to the strings that they can have."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[int, list[str]] = {}
        self._depth = 0

    def of(self, node: ast.expr) -> list[str]:
        """Returns the strings that an expression can have. Unknown parts are placeholders.

        The result is empty if no part of the expression is known.
        """
        return [text for text in self._values(node) if text != UNKNOWN]

    def _values(self, node: ast.expr) -> list[str]:
        """Returns the possible strings of an expression, at most `MAX_VALUES`."""
        known = self._known.get(id(node))
        if known is None and self._depth == _MAX_DEPTH:
            return [UNKNOWN]
        if known is None:
            # This value stays in use while the expression is evaluated, so a name that is assigned
            # an expression of itself ends the evaluation.
            self._known[id(node)] = [UNKNOWN]
            self._depth += 1
            found = self._evaluate(node) or [UNKNOWN]
            self._depth -= 1
            known = self._known[id(node)] = list(dict.fromkeys(found))[:MAX_VALUES]
        return known

    def _evaluate(self, node: ast.expr) -> list[str]:
        if isinstance(node, ast.Constant):
            return [str(node.value)] if isinstance(node.value, str | int) else []
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
        """Returns the strings of `str(x)`, `"…".format(x)`, or a default of `os.environ`."""
        name = qualified(node.func)
        if name == "str" and len(node.args) == 1:
            return self._values(node.args[0])
        if name in ("os.environ.get", "environ.get", "os.getenv", "getenv") and node.args[1:]:
            return [UNKNOWN, *self._values(node.args[1])]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            # The fields of the string stay in place: `{}` is a placeholder, too.
            return self._values(node.func.value)
        return []


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    targets: list[ast.expr] = []
    value: ast.expr | None = None
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        targets, value = [node.target], node.value
    elif isinstance(node, ast.AugAssign):
        # The value is added to an unknown one.
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
    """Yields the attributes of the object that a call returns, as far as the call shows them."""
    if not isinstance(value, ast.Call):
        return
    if isinstance(value.func, ast.Attribute) and value.func.attr == "create_or_update":
        # The method returns the environment that it gets, with a name and a version.
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
    """Returns every combination of the strings of several parts, joined."""
    count = 1
    for part in parts:
        count *= len(part)
        if count > MAX_VALUES:
            parts = [part if len(part) == 1 else [UNKNOWN] for part in parts]
            break
    return ["".join(texts) for texts in product(*parts)]
