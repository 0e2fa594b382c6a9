"""Parses the patterns of ignore files into segments: the parts between two slashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

WILDCARD: Final = re.compile(r"[*?\[\\]")
"""Matches the characters that have a meaning in a pattern, apart from `/`."""


class Token(NamedTuple):
    """A part of a segment.

    Attributes:
        expression: a regular expression that matches exactly one character.
        repeats: True if the token matches any number of such characters.
        slash: True if the expression can match `/`.
    """

    expression: str
    repeats: bool = False
    slash: bool = False


STAR: Final = Token("[^/]", repeats=True)
_NOT_SLASH: Final = Token("[^/]")
_MAX_ALTERNATIVES: Final = 8

Segment: TypeAlias = str | tuple[Token, ...] | None
"""A name without wildcards, or the tokens of a name with wildcards, or None for `**`."""

Split: TypeAlias = tuple[Segment, ...]
"""The segments of a pattern. A pattern that matches a directory matches everything below it."""


def git_segments(text: str) -> Split | None:
    """Parses a pattern of an `.amlignore` or `.gitignore` as azure-ai-ml does.

    Args:
        text: the pattern, without white space around it and without `!`.

    Returns:
        The segments, or None for `**/`, which matches everything that is not directly in the root.

    Raises:
        ValueError: azure-ai-ml refuses the pattern.
    """
    parts = text.split("/")
    has_wildcards = WILDCARD.search(text) is not None
    if has_wildcards and "**" in parts:
        parts = [
            part
            for before, part in zip([None, *parts], parts, strict=False)
            if not (before == part == "**")
        ]
    if parts == ["**", ""]:
        return None
    if not parts[0]:  # a leading slash anchors the pattern to the root
        parts = parts[1:]
    elif (len(parts) == 1 or parts[1:] == [""]) and parts[0] != "**":
        parts = ["**", *parts]  # a single name matches at every depth
    if not parts:
        raise ValueError("a lone `!`")
    if len(parts) > 1 and not parts[-1]:
        # `name/` matches only the paths below `name`. The pattern does not match the directory
        # `name`, because azure-ai-ml tests the path of a directory without a slash at the end. The
        # upload hash therefore includes the name of the directory.
        parts[-1] = "**"
    if has_wildcards:
        return tuple(map(_git_segment, parts))
    # A comprehension only if a part is `**`, because a file can have thousands of patterns.
    return tuple([None if part == "**" else part for part in parts] if "**" in parts else parts)


def docker_segments(pattern: str) -> list[Split]:
    """Parses a normalised pattern of a `.dockerignore`.

    Returns:
        The segments. If `**` is only a part of a name, as in `a**b`, there are several
        alternatives: `ab` and `a*/**/b`.

    Raises:
        ValueError: Docker refuses the pattern, or `**` is a part of too many names.
    """
    if not WILDCARD.search(pattern):
        return [tuple(pattern.split("/"))]
    alternatives = [_Alternative((), ())]
    index = 0
    while index < len(pattern):
        index, token = _docker_token(pattern, index)
        at_end = index == len(pattern)
        alternatives = [new for item in alternatives for new in item.extended(token, at_end)]
        if len(alternatives) > _MAX_ALTERNATIVES:
            raise ValueError("`**` is a part of too many names")
    return [item.segments + ((item.tokens,) if item.tokens else ()) for item in alternatives]


class _Alternative(NamedTuple):
    """One way to read the start of a Docker pattern."""

    segments: Split
    tokens: tuple[Token, ...]

    def extended(self, token: Token | None, at_end: bool) -> Iterator[_Alternative]:
        """Appends a token to the start of the pattern. Yields the ways to read the result.

        The token is None for `**` and `**/`.
        """
        segments, tokens = self
        if token is None and not tokens:
            yield self if segments[-1:] == (None,) else _Alternative((*segments, None), ())
        elif token is None and at_end:
            yield _Alternative(segments, (*tokens, STAR))  # `a**` means the same as `a*`
        elif token is None:
            yield self
            yield _Alternative((*segments, (*tokens, STAR), None), ())
        elif token.expression == "/":
            yield _Alternative((*segments, tokens), ())
        else:
            yield _Alternative(segments, (*tokens, token))


def _docker_token(pattern: str, index: int) -> tuple[int, Token | None]:
    """Reads the token at an index. Returns the index after the token, and the token.

    The token is None for `**` and `**/`.
    """
    char = pattern[index]
    index += 1
    if char == "*" and pattern.startswith("*", index):
        return index + (2 if pattern.startswith("*/", index) else 1), None
    if char == "*":
        return index, STAR
    if char == "?":
        return index, _NOT_SLASH
    if char == "\\" and index < len(pattern):
        return index + 1, _literal(pattern[index])
    if char == "[" and (end := pattern.find("]", index + 1)) > 0:
        # Docker uses Go's syntax, which negates a set with `^` instead of `!`.
        negated = pattern[index] == "^"
        return end + 1, _character_set(pattern[index + negated : end], negated=negated)
    return index, _literal(char)


def _git_segment(text: str) -> Segment:
    if text == "**":
        return None
    if text == "*":
        return (_NOT_SLASH, STAR)
    return tuple(_git_tokens(text)) if WILDCARD.search(text) else text


def _git_tokens(text: str) -> Iterator[Token]:
    """Yields the tokens of a segment that contains `*`, `?`, `[…]` or backslashes."""
    index = 0
    while index < len(text):
        char = text[index]
        index += 1
        if char == "*":
            yield STAR
        elif char == "?":
            yield _NOT_SLASH
        elif char == "\\":
            if index == len(text):
                raise ValueError("nothing after the backslash")
            yield _literal(text[index])
            index += 1
        elif char == "[":
            # A closing bracket directly after `[` or `[!` is a character of the set: `[]a]`,
            # `[!]a]`.
            first = index + 1 if text.startswith("!", index) else index
            end = text.find("]", first + 1 if text.startswith("]", first) else first)
            # Without a closing bracket, `[` is an ordinary character.
            if end < 0:
                yield _literal(char)
            else:
                yield _character_set(text[first:end], negated=first > index)
                index = end + 1
        else:
            yield _literal(char)


def _literal(char: str) -> Token:
    return Token(re.escape(char))


def _character_set(body: str, *, negated: bool) -> Token:
    """Converts the body of `[…]` to a token.

    Every character is escaped, because Python reserves `[`, `--` and `&&` in character sets.

    Raises:
        ValueError: the set is empty, or a range such as `z-a` is empty.
    """
    expression = "[^" if negated else "["
    has_slash = False
    index = 0
    while index < len(body):
        first = last = body[index]
        expression += re.escape(first)
        if body.startswith("-", index + 1) and index + 2 < len(body):
            last = body[index + 2]
            expression += "-" + re.escape(last)
            index += 2
        if first > last:
            raise ValueError("an empty range")
        has_slash |= first <= "/" <= last
        index += 1
    if not body:
        raise ValueError("an empty set")
    return Token(expression + "]", slash=has_slash != negated)
