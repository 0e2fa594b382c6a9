"""Matches the patterns of ignore files against paths, one character after the other.

The automaton keeps all states that the pattern can be in. The number of steps for one path is
therefore at most the length of the path times the length of the pattern.

A regular expression is much faster. The automaton is for the patterns that `expression.py` cannot
convert, and for the paths that are not plain (`expression.is_plain`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Final

from envsync.project.context.pattern import Split, Token

MAX_STEPS: Final = 150_000
"""Maximum number of steps for the paths of one context. A step compares one character."""

# In the regular expressions of azure-ai-ml, `.` does not match a line break.
_ANY: Final = Token("[^\n]", repeats=True)
_ONE: Final = Token("[^\n]")
_SLASH: Final = Token("/")


class TooManySteps(ValueError):
    """Matching the paths takes too long."""


class Steps:
    """Counts the steps of several automata."""

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def add(self, number: int) -> None:
        """Adds steps.

        Raises:
            TooManySteps: the number of steps is higher than `MAX_STEPS`.
        """
        self.left -= number
        if self.left < 0:
            raise TooManySteps("envsync cannot match the patterns in reasonable time")


class Automaton:
    """The states of one pattern. In state `i`, the token `i` is the next token to match."""

    def __init__(self, segments: Split | None) -> None:
        """Creates the states of the segments. The pattern `**/` has None instead of segments."""
        self._tokens: list[Token] = []
        # Some groups of tokens can be skipped as a whole. This dict maps the index of the first
        # token of each group to the number of tokens in the group.
        self._optional: dict[int, int] = {}
        if segments is None:
            self._tokens += (_ONE, _ANY, _SLASH, _ANY)
        elif segments == (None,):
            self._tokens += (_ONE, _ANY)
        else:
            self._add(segments)
        self._closures = self._all_closures()

    def _add(self, segments: Split) -> None:
        last = len(segments) - 1
        is_first = True
        for index, segment in enumerate(segments):
            if segment is None and index == 0:
                self._add_optional(_ONE, _ANY, _SLASH)
            elif segment is None and index == last:
                self._tokens += (_SLASH, _ANY)
            elif segment is None:
                self._add_optional(_SLASH, _ONE, _ANY)
                is_first = False
            else:
                if not is_first:
                    self._tokens.append(_SLASH)
                is_first = False
                self._tokens += _characters(segment)
                if index == last:
                    self._add_optional(_SLASH, _ANY)

    def _add_optional(self, *tokens: Token) -> None:
        self._optional[len(self._tokens)] = len(tokens)
        self._tokens += tokens

    def _all_closures(self) -> list[frozenset[int]]:
        """Returns, for each state, the states that can be reached without matching a character."""
        count = len(self._tokens)
        closures: list[frozenset[int]] = [frozenset({count})] * (count + 1)
        for state in range(count - 1, -1, -1):
            found = {state}
            if self._tokens[state].repeats:
                found |= closures[state + 1]
            if state in self._optional:
                found |= closures[state + self._optional[state]]
            closures[state] = frozenset(found)
        return closures

    def matches(self, path: str, steps: Steps) -> bool:
        """Returns True if the pattern matches a path, as `re.match` does with `$` at the end.

        Raises:
            TooManySteps: too many steps were added to `steps`.
        """
        end = len(self._tokens)
        states: Collection[int] = self._closures[0]
        for index, char in enumerate(path):
            # `$` also matches before a line break at the end.
            if end in states and char == "\n" and index == len(path) - 1:
                return True
            steps.add(len(states))
            states = set(self._next(states, char))
            if not states:
                return False
        return end in states

    def _next(self, states: Collection[int], char: str) -> Iterator[int]:
        for state in states:
            if state < len(self._tokens):
                token = self._tokens[state]
                if _compiled(token.expression).match(char):
                    yield from self._closures[state if token.repeats else state + 1]


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.DOTALL)


def _characters(segment: str | tuple[Token, ...]) -> Sequence[Token]:
    if isinstance(segment, tuple):
        return segment
    return [Token(re.escape(char)) for char in segment]
