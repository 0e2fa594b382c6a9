"""Writes YAML in block style, with lists indented below their key.

The functions of scalars.py choose the text of each scalar, so this module only adds keys, hyphens
and indentation. A general emitter of YAML examines each character several times, which takes
seconds for a long description.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import Struct

_INDENT: Final = "  "
_LONGEST_KEY: Final = 128
"""Maximum length of a key on the line of its value, in characters. YAML allows 1,024 characters."""


class Block(Struct, frozen=True):
    """A string that is written on several lines.

    Attributes:
        header: the text after the key, such as `>-`.
        lines: the lines without indentation.
    """

    header: str
    lines: tuple[str, ...]


Written: TypeAlias = "str | Block | dict[str, Written] | list[Written]"
"""A value as it is written. A string is the text of a scalar, including its quotes."""


def yaml_text(value: Written) -> str:
    """Returns the text of a YAML file."""
    return "".join(f"{line}\n" for line in _value("", "", value))


def _value(head: str, indent: str, value: Written) -> Iterator[str]:
    """Yields the lines of a value after a key or a hyphen.

    Args:
        head: the key or the hyphen, with its indentation. Empty for the outermost value.
        indent: the indentation of the lines below `head`.
        value: the value.
    """
    gap = " " if head else ""
    if isinstance(value, str):
        yield f"{head}{gap}{value}"
    elif isinstance(value, Block):
        yield f"{head}{gap}{value.header}"
        for line in value.lines:
            yield f"{indent}{line}" if line else ""
    elif not value:
        yield f"{head}{gap}{'{}' if isinstance(value, dict) else '[]'}"
    else:
        if head:
            yield head
        yield from _collection(indent, value)


def _collection(indent: str, value: dict[str, Written] | list[Written]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if len(key) < _LONGEST_KEY:
                yield from _value(f"{indent}{key}:", indent + _INDENT, item)
            else:
                yield f"{indent}? {key}"
                yield from _value(f"{indent}:", indent + _INDENT, item)
        return
    for item in value:
        lines = _value("", indent + _INDENT, item)
        yield f"{indent}- {next(lines).lstrip()}"
        yield from lines
