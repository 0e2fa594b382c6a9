"""YAML text to nodes that know where they stand, with everything wrong with the text found at once.

A file means what azure-ai-ml makes of it, and that is what PyYAML's own parser in Python makes of
it: YAML 1.1, where `010` is 8 and `yes` is true. Its C parser is many times faster and, for nearly
every text, reads the same; the few constructs that the two read differently, and every text that
the C parser refuses, go to the one in Python, which has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner

from envsync.project.yaml.nodes import MAP, MAX_DEPTH, SEQ, STR, Finding, walk

# Tabs, byte order marks, tags, `?` in a text, `#` right after a block header: libyaml differs.
_READ_DIFFERENTLY: Final = re.compile(
    r"[\t\ufeff]|\S\?|[|>][-+0-9]*#|(?:^|[\s\[{,:?-])!", re.MULTILINE
)
_RARE: Final = ("\t", "\ufeff", "?", "#", "!")
_DEEP_INDENT: Final = re.compile(rf"^[ ?-]{{{MAX_DEPTH // 2}}}", re.MULTILINE)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file, read.

    Attributes:
        text: the text, without a byte order mark and every line end a line feed.
        root: the outermost node; None where the file is empty or no YAML.
        findings: why it is no YAML: one `yaml-syntax`, or nothing.
    """

    text: str
    root: Node | None
    findings: tuple[Finding, ...] = ()


class _PythonLoader(Reader, Scanner, Parser, Composer, Resolver):
    """PyYAML's parser in Python, up to nodes."""

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
        """PyYAML's parser in C, up to nodes."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Resolver.__init__(self)

        # What `Resolver` does, without the paths that nobody has registered.

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
    """The nodes of a YAML file.

    Args:
        data: the bytes of the file.

    Returns:
        The document. What is wrong with it is reported in it, never raised.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_utf8(data, error)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = text.replace("\n", "").isprintable()
    illegal = None if plain else Reader.NON_PRINTABLE.search(text)
    if illegal:
        line, column = _position(text, illegal.start())
        message = f"The character U+{ord(illegal.group()):04X} may not stand in a YAML file."
        return _broken(text, message, "Remove it.", line, column)
    deep = _too_deep(text)
    if deep:
        return _broken(text, *_TOO_DEEP, *deep)
    differs = any(c in text for c in _RARE) and _READ_DIFFERENTLY.search(text)
    if _has_c_parser and not differs:
        try:
            return Document(text, _compose_with(_Loader, text))
        except yaml.YAMLError:
            pass  # the parser in Python has the last word, and better messages
    try:
        return Document(text, _without_surrogates(_compose_with(_PythonLoader, text)))
    except RecursionError:
        return _broken(text, *_TOO_DEEP, 1, 1)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        return _broken(text, _sentence(error), _advice(error), line, column)
    except (yaml.YAMLError, ValueError) as error:
        return _broken(text, f"This is not valid YAML: {error}.", "Correct it.", 1, 1)


_TOO_DEEP = (
    f"Mappings and lists are nested more than {MAX_DEPTH} deep.",
    "Write it with less nesting.",
)


def _compose_with(loader_type: Callable[[str], Any], text: str) -> Node | None:
    loader = loader_type(text)
    try:
        node: Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    return node


def _broken(text: str, message: str, fix: str, line: int, column: int) -> Document:
    return Document(text, None, (Finding("yaml-syntax", message, fix, line, column),))


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> Document:
    before = data[: error.start].decode("utf-8-sig", "replace")
    line, column = _position(before, len(before))
    message = f"The file is not UTF-8: byte 0x{data[error.start]:02x} cannot stand here."
    return _broken("", message, "Save the file as UTF-8.", line, column)


def _position(text: str, index: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, index) + 1
    return text.count("\n", 0, start) + 1, index - start + 1


def _too_deep(text: str) -> tuple[int, int] | None:
    """Where the text is nested too deeply. The C parser would not survive what lies below.

    Nesting takes brackets or indentation, so that nearly every text is cleared by counting them.
    """
    if text.count("[") + text.count("{") < MAX_DEPTH // 2 and not _DEEP_INDENT.search(text):
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
    except (yaml.YAMLError, RecursionError):
        return None  # reported by the parse proper, which comes no deeper than this one
    return None


def _without_surrogates(root: Node | None) -> Node | None:
    """Joins pairs of surrogates, as JSON writes them; azure-ai-ml sends the same in the end.

    Raises:
        yaml.MarkedYAMLError: a surrogate stands alone: it is half a character.
    """
    for node in () if root is None else walk(root):
        if isinstance(node, ScalarNode) and _SURROGATE.search(node.value):
            try:
                node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError as error:
                raise yaml.MarkedYAMLError(
                    problem="found half a character", problem_mark=node.start_mark
                ) from error
    return root


def _sentence(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return f"This is not valid YAML: {', '.join(parts) or 'it cannot be read'}."


def _advice(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "'\\t'" in problem:
        return "Use spaces; YAML takes no tabs here."
    if "another document" in problem:
        return "Keep one document in one file, without a second `---`."
    if "undefined alias" in problem:
        return "Write the anchor before the alias, or quote the text if it is none."
    return "Correct the line; quote a text that has special characters in it."
