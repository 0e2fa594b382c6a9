"""Implements the ignore files of a build context: `.amlignore`, `.gitignore`, `.dockerignore`.

No library is used, because digests depend on the rules, and a new release of a library could change
the rules. For `.amlignore` and `.gitignore`, this module matches paths as azure-ai-ml does. Unlike
git, azure-ai-ml matches each path separately, and does not check whether the path is a directory. A
test compares this module with azure-ai-ml. For `.dockerignore`, this module matches paths as Docker
does: https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, groupby
from operator import ne
from typing import Final, NamedTuple

from msgspec import Struct

from envsync.project.context.automaton import Automaton, Steps
from envsync.project.context.expression import MAX_SLASH_SETS, expression, is_plain
from envsync.project.context.literals import Literals
from envsync.project.context.pattern import WILDCARD, Split, docker_segments, git_segments

MAX_WILDCARDS: Final = 400
"""Maximum number of different patterns with wildcards in one ignore file."""

MAX_WILDCARD_TEXT: Final = 20_000
"""Maximum total length of the patterns with wildcards in one ignore file, in characters."""

MAX_TURNS: Final = 200
"""Maximum number of groups of consecutive patterns with wildcards.

In a group, all patterns start with `!`, or none of them does.
"""

_BELOW_ROOT: Final = "[^/]++/"


class Pattern(NamedTuple):
    """A line of an ignore file.

    Attributes:
        segments: the parts of the pattern, or None for `**/`.
        drops: True if the line drops the matching paths, False if the line starts with `!`.
    """

    segments: Split | None
    drops: bool


class _Run(Struct, frozen=True):
    """Consecutive patterns that have wildcards. All of them drop paths, or all include paths.

    Attributes:
        position: the position of the last of these patterns.
        regex: matches a path if one of the patterns matches.
        automata: one automaton for each pattern that has no regular expression.
    """

    position: int
    regex: re.Pattern[str]
    automata: tuple[Automaton, ...]

    @classmethod
    def of(cls, patterns: Sequence[tuple[int, Pattern]]) -> _Run:
        """Compiles patterns. Each pattern is in a pair with its position."""
        expressions = []
        automata = []
        for _, pattern in patterns:
            segments = pattern.segments
            found = _BELOW_ROOT if segments is None else expression(segments)
            if found is None:
                automata.append(Automaton(segments))
            else:
                expressions.append(found)
        regex = re.compile("|".join(expressions) if expressions else "(?!)")
        return cls(patterns[-1][0], regex, tuple(automata))

    def is_matched(self, path: str, steps: Steps) -> bool:
        """Returns True if one of the automata matches a path."""
        return any(automaton.matches(path, steps) for automaton in self.automata)


class IgnoreRules:
    """The patterns of one ignore file, in file order.

    If several patterns match a path, the last of them applies.
    """

    def __init__(self, patterns: Iterable[Pattern], *, for_docker: bool = False) -> None:
        """Prepares the patterns.

        Args:
            patterns: the patterns, in file order.
            for_docker: True if wildcards match line breaks, as in Docker but not in azure-ai-ml.

        Raises:
            ValueError: the patterns exceed `MAX_TURNS`.
        """
        self._patterns = tuple(patterns)
        self._literals = Literals()
        # Consecutive patterns form a group if all of them start with `!`, or none of them does.
        # For each pattern, this list contains the index of its group.
        drops = [pattern.drops for pattern in self._patterns]
        turns = list(accumulate(map(ne, drops, drops[1:]), initial=0))
        wild = [
            (position, pattern)
            for position, pattern in enumerate(self._patterns)
            if not self._literals.add(pattern.segments, position)
        ]
        runs = [list(run) for _, run in groupby(wild, lambda item: turns[item[0]])]
        if len(runs) > MAX_TURNS:
            raise ValueError(
                f"patterns with and without `!` alternate more than {MAX_TURNS:,} times"
            )
        self._runs = tuple(map(_Run.of, reversed(runs)))
        self._steps = Steps()
        self._for_docker = for_docker

    @property
    def is_empty(self) -> bool:
        """True if the ignore file has no pattern."""
        return not self._patterns

    @property
    def re_includes(self) -> bool:
        """True if a line starts with `!`.

        A dropped directory can then contain files that are not dropped.
        """
        return any(not pattern.drops for pattern in self._patterns)

    def drops(self, path: str) -> bool:
        """Returns True if the rules drop a path, relative to the directory of the ignore file.

        Raises:
            TooManySteps: the path or a pattern is unusual, and matching takes too long.
        """
        plain = self._for_docker or is_plain(path)
        last = self._last_match(path) if plain else self._last_unusual_match(path)
        return last >= 0 and self._patterns[last].drops

    def _last_match(self, path: str) -> int:
        """Returns the position of a pattern with the same `drops` as the last match, or -1."""
        last = self._literals.last_match(path)
        for run in self._runs:
            if run.position < last:
                break
            if run.regex.match(path) or (run.automata and run.is_matched(path, self._steps)):
                return run.position
        return last

    def _last_unusual_match(self, path: str) -> int:
        for position in reversed(range(len(self._patterns))):
            segments = self._patterns[position].segments
            # A pattern whose names are longer than the path cannot match, so it needs no automaton.
            size = sum(len(name) for name in segments or () if isinstance(name, str))
            self._steps.add(1 + min(size, len(path)))
            if size <= len(path) and Automaton(segments).matches(path, self._steps):
                return position
        return -1


# Many contexts of a project have the same ignore file, so the compiled patterns are cached.
@lru_cache(maxsize=256)
def parse_ignore_file(text: str) -> IgnoreRules:
    """Parses an `.amlignore` or `.gitignore` as azure-ai-ml does.

    Raises:
        ValueError: a line is not a valid pattern in azure-ai-ml, or the file has too many patterns.
            If a line is not valid, the message contains the line number.
    """
    patterns: dict[str, Pattern] = {}
    wildcards = _Wildcards()
    for number, line in enumerate(_lines(text), 1):
        line = line.strip()
        if not line or line.startswith("#") or line == "/":
            continue
        # If lines are equal, only the position of the last of them counts.
        pattern = patterns.pop(line, None)
        if pattern is None:
            if WILDCARD.search(line):
                wildcards.add(line)
            drops = not line.startswith("!")
            try:
                pattern = Pattern(git_segments(line if drops else line[1:]), drops)
            except ValueError as error:
                raise ValueError(f"line {number} is not a valid pattern: {line}") from error
        patterns[line] = pattern
    return IgnoreRules(patterns.values())


@lru_cache(maxsize=256)
def parse_dockerignore(text: str) -> IgnoreRules:
    """Parses a `.dockerignore`. Lines that Docker would refuse are skipped.

    Raises:
        ValueError: the file has too many patterns.
    """
    patterns: dict[str, list[Pattern]] = {}
    wildcards = _Wildcards()
    for line in _lines(text):
        # Docker checks for `#` before it strips the line, so an indented `#` is part of a name.
        text = "" if line.startswith("#") else line.strip()
        drops = not text.startswith("!")
        name = text if drops else text[1:].strip()
        if not name:
            continue
        known = patterns.pop(text, None)
        if known is None:
            if WILDCARD.search(name):
                wildcards.add(name)
            try:
                splits = docker_segments(posixpath.normpath(name).lstrip("/"))
            except ValueError:
                splits = []
            known = [Pattern(segments, drops) for segments in splits]
        patterns[text] = known
    every = (pattern for item in patterns.values() for pattern in item)
    return IgnoreRules(every, for_docker=True)


class _Wildcards:
    """Counts the patterns with wildcards in one file, and their characters."""

    def __init__(self) -> None:
        self._patterns = 0
        self._text = 0

    def add(self, pattern: str) -> None:
        """Counts a pattern with wildcards.

        Raises:
            ValueError: the file has too many patterns with wildcards, or these patterns are too
                long.
        """
        # A set such as `[!a]` counts twice: it can match `/`, so the regular expression has two
        # alternatives for it.
        self._patterns += 2 ** min(pattern.count("["), MAX_SLASH_SETS)
        self._text += len(pattern)
        if self._patterns > MAX_WILDCARDS:
            raise ValueError(f"more than {MAX_WILDCARDS:,} patterns with wildcards")
        if self._text > MAX_WILDCARD_TEXT:
            raise ValueError(
                f"the patterns with wildcards have more than {MAX_WILDCARD_TEXT:,} characters"
            )


def _lines(text: str) -> list[str]:
    """Splits a text at line ends. `str.splitlines` would also split at form feeds, for example."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
