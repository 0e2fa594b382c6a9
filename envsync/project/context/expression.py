"""Converts the patterns of ignore files to regular expressions that match in linear time.

A plain conversion, such as `[^/]*a[^/]*b` for `*a*b`, backtracks: the time to reject a path grows
exponentially with the number of wildcards. In this module, a wildcard becomes an atomic group. The
group matches the shortest text after which the next part of the pattern matches, and never tries a
longer text. An expression with atomic groups matches the same paths as the plain conversion,
because a later wildcard can match every character that an earlier wildcard did not match.

The expressions are valid only for paths for which `is_plain` is True.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from typing import Final

from envsync.project.context.pattern import Split, Token

MAX_SLASH_SETS: Final = 3
"""Maximum number of sets in a pattern that can match `/`, such as `[!a]`.

The regular expression of a pattern has two alternatives for each of these sets.
"""

_END: Final = r"(?=/|\Z)"


def is_plain(path: str) -> bool:
    """Returns True if a path has no line break and no empty segment.

    Nearly every path is plain. A plain path can end with a slash.
    """
    return bool(path) and "\n" not in path and "//" not in path and path[0] != "/"


def expression(segments: Split) -> str | None:
    """Returns a regular expression for `re.match`.

    Returns None if the pattern has more than `MAX_SLASH_SETS` sets that can match `/`.
    """
    places = [
        (position, index)
        for position, segment in enumerate(segments)
        if isinstance(segment, tuple)
        for index, token in enumerate(segment)
        if token.slash
    ]
    if len(places) > MAX_SLASH_SETS:
        return None
    found = (_alternative(_divided(segments, frozenset(chosen))) for chosen in _subsets(places))
    return "|".join(item for item in found if item is not None) or "(?!)"


def _subsets(places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    for chosen in product((False, True), repeat=len(places)):
        yield [place for place, is_chosen in zip(places, chosen, strict=True) if is_chosen]


def _divided(segments: Split, slashes: frozenset[tuple[int, int]]) -> Split:
    """Replaces each character set in `slashes` by `/`, and splits the segments there.

    In the result, the remaining character sets do not match `/`.
    """
    divided: list[str | tuple[Token, ...] | None] = []
    for position, segment in enumerate(segments):
        if not isinstance(segment, tuple):
            divided.append(segment)
            continue
        part: list[Token] = []
        for index, token in enumerate(segment):
            if (position, index) in slashes:
                divided.append(tuple(part))
                part = []
            else:
                part.append(Token("(?!/)" + token.expression) if token.slash else token)
        divided.append(tuple(part))
    return tuple(divided)


def _alternative(segments: Split) -> str | None:
    """Returns the regular expression for segments, or None if no path can have these segments.

    In a path, only the last of several segments can be empty.
    """
    if () in segments[:-1] or segments == ((),):
        return None
    if segments == (None,):
        return "(?:)"
    groups = [list(group) for is_gap, group in groupby(segments, _is_gap) if not is_gap]
    below = "(?=/)" if segments[-1] is None else _END
    text = ""
    for number, group in enumerate(groups):
        names = "/".join(map(_segment, group))
        end = below if number == len(groups) - 1 else _END
        if number:
            text += f"(?>(?:/[^/]++)*?/{names}{end})"
        elif segments[0] is None:
            text += f"(?>(?:[^/]++/)*?{names}{end})"
        else:
            text += names + end
    return text


def _is_gap(segment: str | tuple[Token, ...] | None) -> bool:
    return segment is None


def _segment(segment: str | tuple[Token, ...] | None) -> str:
    if not isinstance(segment, tuple):
        return re.escape(segment or "")
    texts = [""]
    for token in segment:
        if token.repeats:
            texts.append("")
        else:
            texts[-1] += token.expression
    first, *others = texts
    if not others:
        return first
    last = others.pop()
    middle = "".join(f"(?>[^/]*?{text})" for text in others if text)
    return first + middle + (f"(?>[^/]*?{last}{_END})" if last else "[^/]*+")
