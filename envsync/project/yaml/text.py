"""Parses YAML text to nodes with positions, and finds its syntax problems.

azure-ai-ml uses PyYAML's parser in Python, so this module must have the same result as that parser.
The parser implements YAML 1.1, in which `010` is 8 and `yes` is true. PyYAML's C parser (libyaml)
is many times faster and gives the same result for almost every text. The Python parser is used only
if a text contains a construct that libyaml reads differently, or if libyaml refuses the text.
"""

from __future__ import annotations

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
_READ_DIFFERENTLY: Final = re.compile(
    r"[\t\ufeff]|\S\?|[|>][-+0-9]*#|(?:^|[\s\[{,:?-])!", re.MULTILINE
)
# A text without these characters cannot match `_READ_DIFFERENTLY`. Searching for the characters is
# faster than searching for the pattern.
_RARE: Final = ("\t", "\ufeff", "?", "#", "!")
# Matches the lines that git writes into a file with a conflict: https://git-scm.com/docs/git-merge
_CONFLICT: Final = re.compile(r"^(?:<{7}|\|{7}|>{7})(?: .*)?$", re.MULTILINE)
MAX_SLOW_TEXT: Final = 100_000
"""Maximum number of characters that the Python parser reads, which takes about half a second.

libyaml reads longer texts. If libyaml refuses a longer text, its error is reported.
"""

MAX_BRACKETS: Final = 50_000
"""Maximum number of `[` and `{` in a text. Measuring how deep they are nested takes time."""

_DEEP_INDENT: Final = re.compile(rf"^[ ?-]{{{MAX_DEPTH // 2}}}", re.MULTILINE)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


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

    class _CLoader(CParser, Resolver):
        """PyYAML's parser in C, without the construction of Python objects."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Resolver.__init__(self)

        # These methods replace the methods of PyYAML's `Resolver`, which take most of the parsing
        # time. The results are the same, because envsync does not register path resolvers.

        def descend_resolver(self, *_: object) -> None:
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
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_utf8(data, error)
    # The position of a node is an index of `text`, so line ends are normalised before parsing.
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # `isprintable` is far faster than the regular expression, and true for almost every file.
    plain = text.replace("\n", "").isprintable()
    illegal = None if plain else Reader.NON_PRINTABLE.search(text)
    if illegal:
        line, column = _position(text, illegal.start())
        message = f"YAML does not allow the character U+{ord(illegal.group()):04X}."
        return _broken(text, message, fix="Remove the character.", line=line, column=column)
    brackets = text.count("[") + text.count("{")
    if brackets > MAX_BRACKETS:
        message = f"The file has more than {MAX_BRACKETS:,} brackets."
        return _broken(text, message, fix="Make the file smaller.", line=1, column=1)
    deep = _too_deep(text, brackets)
    if deep:
        return _broken(text, _TOO_DEEP, fix=_LESS_NESTING, line=deep[0], column=deep[1])
    differs = _READ_DIFFERENTLY.search(text) if any(c in text for c in _RARE) else None
    is_slow = _has_c_parser and _is_slow(text)
    if is_slow and differs:
        return _read_differently(text, differs)
    if _has_c_parser and not differs:
        try:
            return Document(text, _compose_with(_Loader, text))
        except yaml.YAMLError as error:
            # The Python parser decides whether the text is valid, and has better messages.
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


def _is_slow(text: str) -> bool:
    """Returns True if the Python parser would need much longer than a second for a text."""
    # For each token, the Python parser visits all open brackets.
    return len(text) > MAX_SLOW_TEXT or text.count("[") + text.count("{") > 10 * MAX_DEPTH


def _read_differently(text: str, found: re.Match[str]) -> Document:
    """Returns the error for a text that only the slow parser reads as azure-ai-ml does."""
    start = found.start() + len(found.group()) - len(found.group().lstrip("\n [{,:-"))
    line, column = _position(text, start)
    if "\t" in found.group():
        what, fix = "a tab", "Write spaces instead of the tab."
    elif "\ufeff" in found.group():
        what, fix = "a byte order mark", "Remove the character."
    else:
        what, fix = "a character that starts a tag or a key", "Put the value in quotes."
    message = (
        f"The file is larger than {MAX_SLOW_TEXT:,} characters or has thousands of brackets, and "
        f"contains {what}, which YAML parsers read differently."
    )
    return _broken(text, message, fix=f"{fix} Or make the file smaller.", line=line, column=column)


def _invalid(text: str, error: yaml.YAMLError | ValueError) -> Document:
    """Returns the error of a parser."""
    if not isinstance(error, yaml.MarkedYAMLError):
        message = f"The file is not valid YAML: {error}."
        return _broken(text, message, fix="Correct the file.", line=1, column=1)
    conflict = _CONFLICT.search(text)
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
    before = data[: error.start].decode("utf-8-sig", "replace")
    line, column = _position(before, len(before))
    message = f"The file is not UTF-8: byte 0x{data[error.start]:02x} is not valid here."
    return _broken("", message, fix="Save the file as UTF-8.", line=line, column=column)


def _position(text: str, index: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, index) + 1
    return text.count("\n", 0, start) + 1, index - start + 1


def _too_deep(text: str, brackets: int) -> tuple[int, int] | None:
    """Returns the line and column at which the nesting exceeds `MAX_DEPTH`, or None.

    The composer for libyaml is recursive C code, so deep nesting would crash the process. Deep
    nesting needs many brackets or a deep indentation, so a text with neither is accepted without
    parsing.
    """
    if brackets < MAX_DEPTH // 2 and not _DEEP_INDENT.search(text):
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
        if isinstance(node, ScalarNode) and _SURROGATE.search(node.value):
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
