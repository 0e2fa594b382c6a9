"""Replaces the variables in a Dockerfile. Each character of a value keeps its file position.

The forms of variables: https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from envsync.project.dockerfile.instructions import MAX_WORD, Char

Chars: TypeAlias = tuple[Char, ...]
"""A word or a value, as characters with their positions."""

_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BRACED: Final = re.compile(r"([A-Za-z_]\w*)(?:(:?[-+?])(.*))?", re.ASCII | re.DOTALL)


class Value(Struct, frozen=True):
    """The value of a variable, or of a word.

    Attributes:
        chars: the characters; not complete if there is a problem.
        problem: why the value is unknown, as a sentence; empty if it is known.
    """

    chars: Chars
    problem: str = ""


def text_of(chars: Sequence[Char]) -> str:
    """Returns the characters as a string."""
    return "".join([char.text for char in chars])


def expand(word: Chars, values: Mapping[str, Value], escape: str, owner: str = "") -> Value:
    """Returns a word without quotes and with its variables replaced.

    Args:
        word: the word.
        values: the values of the variables.
        escape: the escape character.
        owner: the name of the `ARG` if the word is its default; empty for a `FROM` line.
    """
    if len(word) <= MAX_WORD and not {escape, "$", "'", '"'}.intersection(text_of(word)):
        return Value(tuple([Char(char.text, char.offset, owner) for char in word]))
    result: list[Char] = []
    problem = ""
    quote, index = "", 0
    while index < len(word) and len(result) <= MAX_WORD:
        char = word[index]
        index += 1
        if char.text == escape and index < len(word) and _escapes(quote, word[index].text, escape):
            result.append(Char(word[index].text, word[index].offset, owner))
            index += 1
        elif char.text in "'\"" and quote in ("", char.text):
            quote = "" if quote else char.text
        elif char.text == "$" and quote != "'":
            value, length = _variable(word[index:], values, escape, owner)
            problem = problem or value.problem
            result += value.chars if length else (Char("$", char.offset, owner),)
            index += length
        else:
            result.append(Char(char.text, char.offset, owner))
    if len(word) > MAX_WORD or len(result) > MAX_WORD:
        problem = f"The reference has more than {MAX_WORD:,} characters."
    return Value(tuple(result[:MAX_WORD]), problem)


def _escapes(quote: str, following: str, escape: str) -> bool:
    """Returns True if the escape character changes the meaning of the following character."""
    return not quote or (quote == '"' and following in ('"', "$", escape))


def _variable(
    rest: Chars, values: Mapping[str, Value], escape: str, owner: str
) -> tuple[Value, int]:
    """Returns the value of the variable at the start of `rest`, and the length of its name."""
    text = text_of(rest)
    if not text.startswith("{"):
        found = _NAME.match(text)
        return (_value(found.group(), values), found.end()) if found else (Value(()), 0)
    end = _closing(text)
    inner = _BRACED.fullmatch(text[1:end]) if end else None
    if inner is None or not end:
        return Value((), "The reference contains a variable that envsync cannot read."), 1
    name, operator = inner[1], inner[2] or ""
    value = values.get(name, Value((), "unset"))
    is_set = not value.problem and bool(value.chars or not operator.startswith(":"))
    if operator.endswith(("-", "+")) and is_set is operator.endswith("+"):
        start = 1 + len(name) + len(operator)
        return expand(rest[start:end], values, escape, owner), end + 1
    if operator.endswith("+"):
        return Value(()), end + 1
    return _value(name, values if is_set or operator != ":?" else {}), end + 1


def _closing(text: str) -> int | None:
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return index
    return None


def _value(name: str, values: Mapping[str, Value]) -> Value:
    problem = f"`ARG {name}` has no default, so the image is unknown until the build."
    return values.get(name, Value((), problem))
