"""Chooses the YAML style of each value, so that every reader of YAML reads the same value.

azure-ai-ml reads YAML 1.1 with PyYAML, in which `yes`, `1_000` and `1:30` are not strings. Editors
and other tools read YAML 1.2, in which `1e3` is a number. A string is written with quotes if YAML
1.1 or YAML 1.2 would read the text without quotes as another value. A string with invisible
characters has quotes as well: a terminal shows these characters as escapes, which YAML reads only
in quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode as NewerScalarNode
from yaml.nodes import ScalarNode, SequenceNode

from envsync.model.canonical import JSON
from envsync.project.writing.block_style import Block, Written, yaml_text
from envsync.project.yaml.nodes import STR

_COLUMNS: Final = 88
"""Maximum number of characters in a line of a description. A longer description is folded."""

MAX_BLOCK: Final = 100_000
"""Maximum number of characters of a string that is written on several lines.

The lines are read back with PyYAML's parser in Python, which is slow.
"""

# Matches the characters that a string in quotes cannot contain.
_ESCAPED: Final = r"[\"\\\ufeff\u2028\u2029]|[^ -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    "\x85": "\\N",
    "\u2028": "\\L",
    "\u2029": "\\P",
}
_FOLDABLE: Final = re.compile(r"(?<=[^\s]) (?=[^\s])")


def styled(value: JSON) -> Written:
    """Converts JSON data to values that `yaml_text` writes."""
    if isinstance(value, dict):
        return {quoted_if_needed(key): styled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [styled(item) for item in value]
    if isinstance(value, str):
        return text(value)
    return _number(value) if isinstance(value, float) else json.dumps(value)


def text(value: str) -> str | Block:
    """Styles a string: as a block if it has several lines, otherwise like `quoted_if_needed`."""
    if (
        "\n" in value.rstrip("\n")
        and not value.endswith("\n\n")
        and len(value) <= MAX_BLOCK
        and _is_visible(value)
    ):
        lines = value.removesuffix("\n").split("\n")
        block = Block(_header("|", value), tuple(lines))
        if _survives(block, value):
            return block
    return quoted_if_needed(value)


def prose(value: str) -> str | Block:
    """Styles a description as `text` does, but folds a single long line at spaces."""
    if _COLUMNS < len(value) <= MAX_BLOCK and "\n" not in value and _is_visible(value):
        folded = Block(_header(">", value), tuple(_folded(value)))
        if len(folded.lines) > 1 and _survives(folded, value):
            return folded
    return text(value)


def quoted(value: str) -> str:
    """Returns a string in quotes."""
    return f'"{re.sub(_ESCAPED, _escape, value)}"'


def quoted_if_needed(value: str) -> str:
    """Returns a string of one line, with quotes if YAML would otherwise read another value."""
    return value if _is_plain(value) else quoted(value)


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"


def _header(style: str, value: str) -> str:
    """Returns the header of a block."""
    # If the first line starts with a space, YAML cannot infer the indentation.
    indent = "2" if value[0] in " \n" else ""
    chomping = "" if value.endswith("\n") else "-"
    return style + indent + chomping


def _is_visible(value: str) -> bool:
    """Returns True if every character is visible, or is a line break or a tab."""
    return all(character.isprintable() or character in "\n\t" for character in value)


def _is_plain(value: str) -> bool:
    """Returns True if YAML 1.1 and YAML 1.2 read a string without quotes as the same string."""
    # At the start of a line, `---` and `...` separate documents.
    if not value.isprintable() or value.startswith(("---", "...")):
        return False
    try:
        # The string is tested as a list item, because the value of a key follows the same rules in
        # block style. Flow style has more rules, but the emitter never writes flow style around
        # strings.
        root = yaml.compose(f"- {value}", Loader=_loader())
    except (yaml.YAMLError, ValueError):
        return False
    node = root.value[0] if isinstance(root, SequenceNode) and len(root.value) == 1 else None
    return (
        isinstance(node, ScalarNode)
        and not node.style
        and (node.tag, node.value) == (STR, value)
        and _newer().resolve(NewerScalarNode, value, (True, False)) == STR
        # As a key, a string that ends with a colon would be read differently.
        and not value.endswith(":")
    )


@cache
def _loader() -> type[yaml.SafeLoader]:
    # The parser in C is several times faster than the parser in Python, and has the same results.
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _newer() -> Any:
    return YAML().resolver


def _survives(block: Block, expected: str) -> bool:
    """Returns True if a reader of the written block gets the expected string."""
    written = yaml_text({"key": block, "next": "1"})
    try:
        return bool(yaml.load(written, Loader=yaml.SafeLoader) == {"key": expected, "next": 1})
    except (yaml.YAMLError, ValueError):
        return False


def _folded(value: str) -> Iterator[str]:
    """Yields the lines of a long line that is folded at spaces."""
    start = 0
    spaces = [found.start() for found in _FOLDABLE.finditer(value)]
    for position, following in pairwise([*spaces, len(value)]):
        if following - start > _COLUMNS:
            yield value[start:position]
            start = position + 1
    yield value[start:]


def _number(value: float) -> str:
    """Returns a float in a form that YAML 1.1 reads as a float: `1.0e+16`, not `1e+16`."""
    shown = repr(value)
    mantissa, exponent, power = shown.partition("e")
    return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else shown
