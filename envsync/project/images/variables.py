"""Replaces the variables in a Dockerfile. Each character of a value keeps its position.

The forms of variables: https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from envsync.project.images.instructions import Char

Chars: TypeAlias = tuple[Char, ...]
"""A word or a value, as characters with their positions."""

_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BRACED: Final = re.compile(r"([A-Za-z_]\w*)(?:(:?[-+])(.*))?", re.ASCII | re.DOTALL)
MAX_VALUE: Final = 1000
"""Maximum length of a word, before and after its variables are replaced.

Every valid image is shorter. Variables can repeat others, and defaults can be nested.
"""


def text_of(chars: Sequence[Char]) -> str:
    """Returns the characters as a string."""
    return "".join(char.text for char in chars)


def expand(
    word: Chars, values: Mapping[str, Chars], escape: str, owner: str = ""
) -> tuple[Chars, str]:
    """Returns a word without quotes and with its variables replaced, and what is unknown.

    Args:
        word: the word.
        values: the value of each known variable.
        escape: the escape character.
        owner: the `ARG` whose default the word is; empty for a `FROM` line.
    """
    if len(word) > MAX_VALUE:
        return word[:MAX_VALUE], "The reference is too long."
    result: list[Char] = []
    problem = ""
    quote, index = "", 0
    while index < len(word) and len(result) <= MAX_VALUE:
        char = word[index]
        index += 1
        if char.text == escape and quote != "'" and index < len(word):
            result.append(Char(word[index].text, word[index].offset, owner))
            index += 1
        elif char.text in "'\"" and quote in ("", char.text):
            quote = "" if quote else char.text
        elif char.text == "$" and quote != "'":
            inner, length, why = _variable(word[index:], values, escape, owner)
            problem = problem or why
            result += inner if length else (Char("$", char.offset, owner),)
            index += length
        else:
            result.append(Char(char.text, char.offset, owner))
    return tuple(result[: MAX_VALUE + 1]), problem


def _variable(
    rest: Chars, values: Mapping[str, Chars], escape: str, owner: str
) -> tuple[Chars, int, str]:
    """Returns the value of the variable at the start, the length of its name, and a problem."""
    text = text_of(rest)
    if not text.startswith("{"):
        found = _NAME.match(text)
        if found is None:
            return (), 0, ""
        return (*_value(found.group(), values, found.end()),)
    end = _closing(text)
    inner = _BRACED.fullmatch(text[1:end]) if end else None
    if inner is None or not end:
        return (), 1, "The reference contains a variable that envsync cannot read."
    name, operator = inner[1], inner[2] or ""
    value = values.get(name)
    is_set = bool(value) if operator.startswith(":") else value is not None
    if operator and is_set is operator.endswith("+"):
        start = 1 + len(name) + len(operator)
        chars, problem = expand(rest[start:end], values, escape, owner)
        return chars, end + 1, problem
    if operator.endswith("+"):
        return (), end + 1, ""
    return (*_value(name, values, end + 1),)


def _closing(text: str) -> int | None:
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return index
    return None


def _value(name: str, values: Mapping[str, Chars], length: int) -> tuple[Chars, int, str]:
    value = values.get(name)
    if value is None:
        return (), length, f"`ARG {name}` has no default, so the image is known only in the build."
    return value, length, ""
