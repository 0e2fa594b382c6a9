"""Finds references in Python code by parsing the code.

Every reference is probable, because the values that are passed to Azure ML are known only when the
code runs. A reference is

- a string with `azureml:` that is assigned to something whose name contains `env`: an argument, a
  variable, a key of a dict, the default of a parameter;
- the argument `environment` of a call, also without `azureml:`, as the Python SDK allows;
- a call such as `ml_client.environments.get("pydata", version="2")`;
- a string that contains the path of an environment: `…/environments/NAME/versions/VERSION`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec.structs import replace

from envsync.model.naming import is_valid_name
from envsync.model.reference import LATEST, Reference
from envsync.model.use import User
from envsync.project.problems import ignored_in
from envsync.project.references.constants import UNKNOWN, Strings, assigned, qualified
from envsync.project.references.in_text import references_in_python_text
from envsync.project.references.text import MAX_REFERENCES, PREFIX, read_text, with_parts

MAX_TOKENS: Final = 40_000
"""Maximum number of tokens of code that is parsed, which is code of about 200 kB.

Larger code is searched as text, because its syntax tree needs hundreds of megabytes.
"""

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_ENV: Final = re.compile(r"env", re.IGNORECASE)
_PATH: Final = re.compile(
    r"(?:azureml:|/subscriptions/).*/environments/[^/]+/(?:versions|labels)/", re.DOTALL
)
# Only in a module that imports one of these packages, a name without `azureml:` can be a reference.
_PACKAGES: Final = ("azure.ai.ml", "azureml", "mldesigner")
_GET: Final = re.compile(r"(?:^|\.)environments\.get$")
_GET_OLD: Final = re.compile(r"(?:^|\.)Environment\.get$")


def references_in_python(file: str, source: str) -> list[Reference]:
    """Returns the probable references in a Python file. Returns no references if parsing fails.

    Args:
        file: the path that the references contain.
        source: the code.
    """
    if is_large(source):
        return list(references_in_python_text(file, source, "python"))
    tree = parsed(source)
    if tree is None:
        return []
    ignored = _ignored(source)
    column_at = _columns(source)
    return [
        replace(
            item,
            column=column_at(item.line, item.column),
            ignored=ignored.get(item.line, frozenset()),
        )
        for item in references_in_trees(file, [tree], "python")[:MAX_REFERENCES]
    ]


def is_large(source: str) -> bool:
    """Returns True if code has more than `MAX_TOKENS` words and other characters."""
    return next(islice(_TOKEN.finditer(source), MAX_TOKENS, None), None) is not None


def _columns(source: str) -> Callable[[int, int], int]:
    """Returns a function that converts the columns of `ast`, which count UTF-8 bytes.

    The function must be called in the order of the source.
    """
    # `bytes.splitlines` splits at the same characters as `ast`. `str.splitlines` splits at more
    # characters.
    lines = source.encode().splitlines()
    known = (0, 0, 0)

    def column_at(line: int, column: int) -> int:
        nonlocal known
        # One line can contain thousands of references, so each part of it is decoded only once.
        last, start, characters = known if known[0] == line else (line, 0, 0)
        part = lines[line - 1][start : column - 1].decode("utf-8", "ignore")
        known = (last, max(start, column - 1), characters + len(part))
        return known[2] + 1

    return column_at


def references_in_trees(file: str, trees: Sequence[ast.AST], user: User) -> list[Reference]:
    """Returns the probable references in parsed code, sorted by position.

    Args:
        file: the path that the references contain.
        trees: the parsed code. A name that one tree assigns is also known in all other trees.
        user: the kind of file.
    """
    return _Search(file, user, [node for tree in trees for node in ast.walk(tree)]).unique()


def parsed(source: str) -> ast.Module | None:
    """Parses code. Returns None if the code is not valid."""
    try:
        with warnings.catch_warnings():
            # Python prints a warning if the code contains an invalid escape such as "\d".
            warnings.simplefilter("ignore")
            return ast.parse(source)
    # Deep nesting raises RecursionError or MemoryError. A null character raises ValueError.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Search:
    """A search in the code of one file."""

    def __init__(self, file: str, user: User, nodes: Sequence[ast.AST]) -> None:
        self._file, self._user, self._nodes = file, user, nodes
        self._strings = Strings(assigned(nodes))
        self._uses_azureml = _uses_azureml(nodes)
        # The positions of references that are written as a name instead of a string.
        self._named: set[tuple[int, int]] = set()

    def unique(self) -> list[Reference]:
        """Returns the references without duplicates, sorted by position."""
        found = {(item.order, item.text): item for item in self._references()}
        # If a string is assigned to a name, only the string is reported, not the uses of the name.
        written = {item.text for item in found.values() if not self._is_named(item)}
        kept = (
            item for item in found.values() if not (self._is_named(item) and item.text in written)
        )
        return sorted(kept, key=lambda item: (item.order, item.text))

    def _is_named(self, reference: Reference) -> bool:
        return (reference.line, reference.column) in self._named

    def _references(self) -> Iterator[Reference]:
        """Yields the references. The same reference can be found several times."""
        for node in self._nodes:
            if isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Constant | ast.JoinedStr):
                yield from self._path(node)
            for name, value in _bound(node):
                if _ENV.search(name):
                    yield from self._value(name, value)

    def _call(self, node: ast.Call) -> Iterator[Reference]:
        function = qualified(node.func)
        arguments = {item.arg: item.value for item in node.keywords if item.arg}
        if _GET.search(function):
            positional = dict(zip(("name", "version", "label"), node.args, strict=False))
            arguments = {**positional, **arguments}
            # `get` of azure-ai-ml requires a version or a label. A call without both is `get` of a
            # dict.
            if arguments.keys() & {"version", "label"}:
                yield from self._get(node, arguments)
        elif _GET_OLD.search(function) and self._uses_azureml:
            positional = dict(zip(("workspace", "name", "version"), node.args, strict=False))
            yield from self._get(node, {**positional, **arguments})
        elif self._uses_azureml and "environment" in arguments:
            yield from self._bare(arguments["environment"])

    def _get(self, node: ast.Call, arguments: Mapping[str, ast.expr]) -> Iterator[Reference]:
        name, version, label = (arguments.get(key) for key in ("name", "version", "label"))
        for text in self._strings.of(name) if name is not None else ():
            if not is_valid_name(text):
                continue
            found = self._reference(name or node, text, "environments.get")
            if version is not None and not _is_none(version):
                for value in self._strings.of(version) or [UNKNOWN]:
                    yield self._read(found, f"{PREFIX}{text}:{value}")
            else:
                labels = self._strings.of(label) if label is not None else [LATEST]
                for value in labels or [UNKNOWN]:
                    yield self._read(found, f"{PREFIX}{text}@{value}")

    def _bare(self, node: ast.expr) -> Iterator[Reference]:
        """Yields the references in an argument `environment` that do not start with `azureml:`."""
        for text in self._strings.of(node):
            found = read_text(text)
            # A name without a version or label is probably the name of a stage, such as `dev`.
            if found.form in ("version", "label") and not found.has_prefix:
                yield self._read(self._reference(node, text, "environment"), text)

    def _value(self, name: str, node: ast.expr) -> Iterator[Reference]:
        for text in self._strings.of(node):
            if text.startswith(PREFIX) and not text[len(PREFIX) :].startswith("//datastores"):
                found = self._read(self._reference(node, text, name), text)
                if found.form != "invalid":
                    yield found

    def _path(self, node: ast.Constant | ast.JoinedStr) -> Iterator[Reference]:
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            return
        for text in self._strings.of(node):
            if _PATH.match(text) and "\n" not in text:
                found = self._read(self._reference(node, text, "string"), text)
                if found.form not in ("invalid", "template"):
                    yield found

    def _reference(self, node: ast.expr, text: str, place: str) -> Reference:
        if isinstance(node, ast.Name | ast.Attribute):
            self._named.add((node.lineno, node.col_offset + 1))
        return Reference(
            file=self._file,
            line=node.lineno,
            column=node.col_offset + 1,
            text=text,
            form="invalid",
            certainty="probable",
            user=self._user,
            place=place,
        )

    @staticmethod
    def _read(reference: Reference, text: str) -> Reference:
        return with_parts(replace(reference, text=text), read_text(text))


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yields the name and the expression of each argument, variable, key and default in a node."""
    if isinstance(node, ast.keyword) and node.arg is not None:
        yield node.arg, node.value
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield _last(target), node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield _last(node.target), node.value
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield str(key.value), value
    elif isinstance(node, ast.arguments):
        names = [*node.posonlyargs, *node.args]
        defaults = zip(names[len(names) - len(node.defaults) :], node.defaults, strict=True)
        yield from ((name.arg, value) for name, value in defaults)
        for name, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            if default is not None:
                yield name.arg, default
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        # `parser.add_argument("--environment", default="azureml:…")`
        for item in node.keywords:
            if item.arg == "default":
                yield str(node.args[0].value), item.value


def _last(target: ast.expr) -> str:
    """Returns the last name of a target, such as `environment` of `job.environment`."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return qualified(target).rpartition(".")[2]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _uses_azureml(nodes: Iterable[ast.AST]) -> bool:
    for node in nodes:
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        if any(f"{module}.".startswith(f"{name}.") for module in modules for name in _PACKAGES):
            return True
    return False


def _ignored(source: str) -> dict[int, frozenset[str]]:
    """Maps each 1-based line with a comment to the rules that the comment turns off."""
    if "envsync:" not in source:
        return {}
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = ignored_in(token.string)
    except (tokenize.TokenError, SyntaxError):
        pass
    return found
