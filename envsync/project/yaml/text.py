"""Parses YAML text to nodes with positions, and finds its syntax problems.

azure-ai-ml uses PyYAML's parser in Python, so this module must have the same result as that parser.
The parser implements YAML 1.1, in which `010` is 8 and `yes` is true. PyYAML's C parser (libyaml)
is many times faster and gives the same result for almost every text. The Python parser is used only
if a text contains a construct that libyaml reads differently, or if libyaml refuses the text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any, Final

import yaml
from msgspec import Struct
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from envsync.project.yaml.nodes import MAP, MAX_DEPTH, SEQ, STR, TextProblem, walk

# libyaml and the Python parser differ on tabs, byte order marks, tags, `?` inside a plain scalar,
# and `#` directly after a block header.
# Each pattern is searched for only if its character is in the text.
_READ_DIFFERENTLY: Final = {
    "\t": r"\t",
    "\ufeff": r"\ufeff",
    "?": r"\S\?",
    "#": r"[|>][-+0-9]*#",
    "!": r"(?m)(?:^|[\s\[{,:?-])!",
}
# Nearly all bytes of a file are ordinary. Only a text with other bytes can contain brackets,
# illegal characters or a match of `_READ_DIFFERENTLY`.
_ORDINARY: Final = b"\n" + bytes(set(range(0x20, 0x7F)).difference(b"[{?#!"))
# Matches the lines that git writes into files with conflicts (https://git-scm.com/docs/git-merge).
_CONFLICT: Final = r"(?m)^(?:<{7}|\|{7}|>{7})(?: .*)?$"
MAX_SLOW_TEXT: Final = 100_000
"""Maximum number of characters of a text that the Python parser reads, in about half a second.

libyaml reads longer texts. If libyaml refuses a longer text, its error is reported.
"""

MAX_BRACKETS: Final = 50_000
"""Maximum number of `[` and `{` in a text. Measuring how deep they are nested takes time."""

# `re` finds a line feed faster than the start of a line.
_DEEP_INDENT: Final = re.compile(rf"\n[ ?-]{{{MAX_DEPTH // 2}}}")
# Matches a text in which every bracket is closed in its line, before another bracket opens. Between
# the brackets is no quote, comment or tag, which could contain the closing bracket.
_FLAT: Final = r"[^\[\]{}]*+(?:[\[{][^\[\]{}\n\"'#!]*+[\]}][^\[\]{}]*+)*+"
_SURROGATE: Final = "[\ud800-\udfff]"


class Document(Struct, frozen=True):
    """A parsed YAML text.

    Attributes:
        text: the text without its byte order mark, and with line feeds as line ends.
        root: the outermost node. None if the file is empty or is not valid YAML.
        problems: one `yaml-syntax` problem if the file is not valid YAML, otherwise empty.
    """

    text: str
    root: Node | None
    problems: tuple[TextProblem, ...] = ()


class _PythonLoader(Reader, Scanner, Parser, Composer, Resolver):
    """PyYAML's parser in Python, without the construction of Python objects."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        Resolver.__init__(self)


_IMPLICIT: Final[dict[str, list[tuple[str, re.Pattern[str]]]]] = Resolver.yaml_implicit_resolvers
_Loader: Any = _PythonLoader
_has_c_parser = yaml.__with_libyaml__
if _has_c_parser:
    from yaml._yaml import CParser

    class _CLoader(CParser):
        """PyYAML's parser in C, without the construction of Python objects."""

        # The parser calls these methods for each node. The methods of PyYAML's `Resolver` take
        # longer. The results are the same, because envsync does not register path resolvers.

        def descend_resolver(self, parent: Node | None, index: object) -> None:
            pass

        def ascend_resolver(self) -> None:
            pass

        def resolve(self, kind: type[Node], value: str, implicit: Any) -> str:
            if kind is ScalarNode:
                if implicit[0]:
                    for tag, pattern in _IMPLICIT.get(value[:1], ()):
                        if pattern.match(value):
                            return tag
                return STR
            return MAP if kind is MappingNode else SEQ

    _Loader = _CLoader


def compose(data: bytes) -> Document:
    """Parses a YAML file to a tree of nodes. Does not convert the nodes to Python values.

    Args:
        data: the bytes of the file.

    Returns:
        The document. If the YAML is not valid, `problems` is not empty, and no exception is raised.
    """
    # The codec "utf-8-sig" is written in Python, so it is slower.
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return _not_utf8(data, error)
    # The position of a node is an index of `text`, so line ends are normalised before parsing.
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    special = data.translate(None, _ORDINARY)
    # `isprintable` is far faster than the regular expression, and true for almost every file.
    plain = not special or text.replace("\n", "").isprintable()
    illegal = None if plain else Reader.NON_PRINTABLE.search(text)
    if illegal:
        line, column = _position(text, illegal.start())
        message = f"YAML does not allow the character U+{ord(illegal.group()):04X}."
        return _broken(text, message, fix="Remove the character.", line=line, column=column)
    brackets = special.count(b"[") + special.count(b"{")
    if brackets > MAX_BRACKETS:
        message = f"The file has more than {MAX_BRACKETS:,} brackets."
        return _broken(text, message, fix="Make the file smaller.", line=1, column=1)
    deep = _too_deep(text, brackets)
    if deep:
        return _broken(text, _TOO_DEEP, fix=_LESS_NESTING, line=deep[0], column=deep[1])
    differs = _difference(text) if special else None
    # The Python parser visits all open brackets for each token, so many brackets make it slow.
    is_slow = _has_c_parser and (len(text) > MAX_SLOW_TEXT or brackets > 10 * MAX_DEPTH)
    if is_slow and differs:
        return _read_differently(text, differs)
    if _has_c_parser and not differs:
        try:
            return Document(text, _compose_with(_Loader, text))
        except yaml.YAMLError as error:
            # If the text is small, the Python parser parses it again: envsync must accept what this
            # parser accepts, and its messages are better.
            if is_slow:
                return _invalid(text, error)
    try:
        return Document(text, _without_surrogates(_compose_with(_PythonLoader, text)))
    except RecursionError:
        return _broken(text, _TOO_DEEP, fix=_LESS_NESTING, line=1, column=1)
    except (yaml.YAMLError, ValueError) as error:
        return _invalid(text, error)


_TOO_DEEP: Final = f"Mappings and lists are nested more than {MAX_DEPTH} levels deep."
_LESS_NESTING: Final = "Reduce the nesting."
_MERGE_CONFLICT: Final = "The file contains an unresolved merge conflict."
_RESOLVE: Final = (
    "Choose what to keep, and remove the lines that start with `<<<<<<<`, `=======` and `>>>>>>>`."
)


def _difference(text: str) -> re.Match[str] | None:
    """Returns the first construct that libyaml reads differently, or None."""
    patterns = [pattern for character, pattern in _READ_DIFFERENTLY.items() if character in text]
    found = (re.search(pattern, text) for pattern in patterns)
    return min(filter(None, found), key=re.Match.start, default=None)


def _read_differently(text: str, found: re.Match[str]) -> Document:
    """Returns the error for a text that needs the Python parser, but is too large for it."""
    start = found.start() + len(found.group()) - len(found.group().lstrip("\n [{,:-"))
    line, column = _position(text, start)
    if "\t" in found.group():
        what, fix = "a tab", "Write spaces instead of the tab."
    elif "\ufeff" in found.group():
        what, fix = "a byte order mark", "Remove the character."
    else:
        what, fix = "a character that starts a tag or a key", "Put the value in quotes."
    message = (
        f"The file has more than {MAX_SLOW_TEXT:,} characters or thousands of brackets, and "
        f"contains {what}, which YAML parsers read differently."
    )
    return _broken(text, message, fix=f"{fix} Or make the file smaller.", line=line, column=column)


def _invalid(text: str, error: yaml.YAMLError | ValueError) -> Document:
    """Returns the error of a parser."""
    if not isinstance(error, yaml.MarkedYAMLError):
        message = f"The file is not valid YAML: {error}."
        return _broken(text, message, fix="Correct the file.", line=1, column=1)
    conflict = re.search(_CONFLICT, text)
    if conflict is not None:
        line, column = _position(text, conflict.start())
        return _broken(text, _MERGE_CONFLICT, fix=_RESOLVE, line=line, column=column)
    mark: Any = error.problem_mark or error.context_mark
    line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
    return _broken(text, _sentence(error), fix=_advice(error), line=line, column=column)


def _compose_with(loader_type: Callable[[str], Any], text: str) -> Node | None:
    loader = loader_type(text)
    try:
        node: Node | None = loader.get_single_node()
    finally:
        # Breaks the reference cycles of the parser, so that its memory is freed immediately.
        loader.dispose()
    return node


def _broken(text: str, message: str, *, fix: str, line: int, column: int) -> Document:
    problem = TextProblem("yaml-syntax", message, fix=fix, line=line, column=column)
    return Document(text, None, (problem,))


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> Document:
    before = data[: error.start].decode(errors="replace")
    line, column = _position(before, len(before))
    message = f"The file is not UTF-8: byte 0x{data[error.start]:02x} is not valid here."
    return _broken("", message, fix="Save the file as UTF-8.", line=line, column=column)


def _position(text: str, index: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, index) + 1
    return text.count("\n", 0, start) + 1, index - start + 1


def _too_deep(text: str, brackets: int) -> tuple[int, int] | None:
    """Returns the line and column at which the nesting exceeds `MAX_DEPTH`, or None.

    The composer for libyaml is recursive C code, so deep nesting would crash the process. A text
    with neither nested brackets nor a deep indentation is accepted without parsing.
    """
    is_shallow = brackets < MAX_DEPTH // 2 or re.fullmatch(_FLAT, text)
    if is_shallow and not _DEEP_INDENT.search("\n" + text):
        return None
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    mark: Any = event.start_mark
                    return mark.line + 1, mark.column + 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.MarkedYAMLError as error:
        # libyaml has its own limit for the nesting depth. libyaml can reach this limit before the
        # loop above does, because libyaml parses ahead of the event that it returns.
        if "nesting depth" in (error.problem or "") and error.problem_mark is not None:
            return error.problem_mark.line + 1, error.problem_mark.column + 1
    except (yaml.YAMLError, RecursionError):
        pass  # `compose` finds the same error and reports it
    return None


def _without_surrogates(root: Node | None) -> Node | None:
    """Replaces each pair of surrogates with its character. JSON can contain pairs of surrogates.

    Raises:
        yaml.MarkedYAMLError: a surrogate is not part of a pair.
    """
    for node in () if root is None else walk(root):
        if isinstance(node, ScalarNode) and re.search(_SURROGATE, node.value):
            try:
                node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError as error:
                raise yaml.MarkedYAMLError(
                    problem="found an unpaired surrogate", problem_mark=node.start_mark
                ) from error
    return root


def _sentence(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return f"The file is not valid YAML: {', '.join(parts) or 'it cannot be parsed'}."


def _advice(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "'\\t'" in problem:
        return "Use spaces, because YAML does not allow a tab here."
    if "another document" in problem:
        return "Keep one document per file, without a second `---`."
    if "undefined alias" in problem:
        return "Write the anchor before the alias, or quote the value if it is a string."
    return "Correct the line. Quote a string that contains special characters."
