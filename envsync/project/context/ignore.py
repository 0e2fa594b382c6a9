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
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file.

    Attributes:
        regex: the regular expression for the paths of the line. Use `regex.match`.
        drops: True if the line drops the matching paths, False if the line starts with `!`.
    """

    regex: re.Pattern[str]
    drops: bool


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The patterns of one ignore file, in file order.

    If several patterns match a path, the last of them applies.
    """

    patterns: tuple[Pattern, ...]

    @property
    def re_includes(self) -> bool:
        """True if a line starts with `!`.

        A dropped directory can then contain files that are not dropped.
        """
        return any(not pattern.drops for pattern in self.patterns)

    def drops(self, path: str) -> bool:
        """Returns True if the rules drop a path, relative to the directory of the ignore file."""
        for pattern in reversed(self.patterns):
            if pattern.regex.match(path):
                return pattern.drops
        return False


# Many contexts of a project have the same ignore file, so the compiled patterns are cached.
@lru_cache(maxsize=256)
def parse_ignore_file(text: str) -> IgnoreRules:
    """Parses an `.amlignore` or `.gitignore` as azure-ai-ml does.

    Raises:
        ValueError: a line is not a valid pattern in azure-ai-ml. The message contains the line
            number.
    """
    patterns = []
    for number, line in enumerate(_lines(text), 1):
        try:
            pattern = _git_pattern(line.strip())
        except (ValueError, re.error) as error:
            raise ValueError(f"line {number} is not a valid pattern: {line.strip()}") from error
        if pattern is not None:
            patterns.append(pattern)
    return IgnoreRules(tuple(patterns))


@lru_cache(maxsize=256)
def parse_dockerignore(text: str) -> IgnoreRules:
    """Parses a `.dockerignore`. Lines that Docker would refuse are skipped."""
    patterns = []
    for line in _lines(text):
        # Docker checks for `#` before it strips the line, so an indented `#` is part of a name.
        text = "" if line.startswith("#") else line.strip()
        drops = not text.startswith("!")
        text = text if drops else text[1:].strip()
        if not text:
            continue
        # The optional end `(?:/.*)?` is needed because a pattern that matches a directory drops
        # every file below the directory.
        expression = _docker_expression(posixpath.normpath(text).lstrip("/")) + "(?:/.*)?"
        try:
            patterns.append(Pattern(re.compile(expression + r"\Z", re.DOTALL), drops))
        except re.error:
            continue
    return IgnoreRules(tuple(patterns))


def _lines(text: str) -> list[str]:
    """Splits a text at line ends. `str.splitlines` would also split at form feeds, for example."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _git_pattern(text: str) -> Pattern | None:
    """Parses one stripped line as azure-ai-ml does. Returns None if the line has no pattern."""
    if not text or text.startswith("#") or text == "/":
        return None
    drops = not text.startswith("!")
    segments = (text if drops else text[1:]).split("/")
    segments = [
        segment
        for before, segment in zip([None, *segments], segments, strict=False)
        if not (before == segment == "**")
    ]
    if segments == ["**", ""]:  # everything that is not directly in the root
        return Pattern(re.compile("^.+/.*$"), drops)
    if not segments[0]:  # a leading slash anchors the pattern to the root
        segments = segments[1:]
    elif (len(segments) == 1 or segments[1:] == [""]) and segments[0] != "**":
        segments = ["**", *segments]  # a single name matches at every depth
    if not segments:
        raise ValueError("a lone `!`")
    if len(segments) > 1 and not segments[-1]:
        # `name/` matches only the paths below `name`. The pattern does not match the directory
        # `name`, because azure-ai-ml tests the path of a directory without a slash at the end. The
        # upload hash therefore includes the name of the directory.
        segments[-1] = "**"
    return Pattern(re.compile(_git_expression(segments)), drops)


def _git_expression(segments: list[str]) -> str:
    """Converts the normalised segments of a pattern to a regular expression."""
    if segments == ["**"]:
        return "^.+$"
    expression = "^"
    last = len(segments) - 1
    slash = ""
    for index, segment in enumerate(segments):
        if segment == "**" and index == 0:
            expression += "(?:.+/)?"
            continue
        if segment == "**" and index == last:
            expression += "/.*"
        elif segment == "**":
            expression += "(?:/.+)?"
        else:
            expression += slash + ("[^/]+" if segment == "*" else _glob(segment))
            if index == last:
                expression += "(?:/.*)?"
        slash = "/"
    return expression + "$"


def _glob(segment: str) -> str:
    """Converts a segment with `*`, `?`, `[…]` and backslashes to a regular expression."""
    expression = ""
    index = 0
    while index < len(segment):
        char = segment[index]
        index += 1
        if char == "*":
            expression += "[^/]*"
        elif char == "?":
            expression += "[^/]"
        elif char == "\\":
            if index == len(segment):
                raise ValueError("nothing after the backslash")
            expression += re.escape(segment[index])
            index += 1
        elif char == "[":
            # A closing bracket directly after `[` or `[!` is a character of the set: `[]a]`,
            # `[!]a]`.
            first = index + 1 if segment.startswith("!", index) else index
            end = segment.find("]", first + 1 if segment.startswith("]", first) else first)
            # Without a closing bracket, `[` is an ordinary character.
            if end < 0:
                expression += re.escape(char)
            else:
                expression += _character_set(segment[first:end], negated=first > index)
                index = end + 1
        else:
            expression += re.escape(char)
    return expression


def _character_set(body: str, *, negated: bool) -> str:
    """Converts the body of `[…]` to a regular expression.

    Every character is escaped, because Python reserves `[`, `--` and `&&` in character sets.
    """
    expression = "[^" if negated else "["
    index = 0
    while index < len(body):
        expression += re.escape(body[index])
        if body.startswith("-", index + 1) and index + 2 < len(body):
            expression += "-" + re.escape(body[index + 2])
            index += 2
        index += 1
    return expression + "]"


def _docker_expression(pattern: str) -> str:
    """Converts a normalised Docker pattern to a regular expression for paths in the context."""
    expression = ""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        # `**/` matches zero or more directories. `**` at the end matches every path below.
        if char == "*" and pattern.startswith("*", index):
            index += 2 if pattern.startswith("*/", index) else 1
            expression += ".*" if index >= len(pattern) else "(?:.*/)?"
        elif char == "*":
            expression += "[^/]*"
        elif char == "?":
            expression += "[^/]"
        elif char == "\\" and index < len(pattern):
            expression += re.escape(pattern[index])
            index += 1
        elif char == "[" and (end := pattern.find("]", index + 1)) > 0:
            # Docker uses Go's syntax, which negates a set with `^` instead of `!`.
            negated = pattern[index] == "^"
            expression += _character_set(pattern[index + negated : end], negated=negated)
            index = end + 1
        else:
            expression += re.escape(char)
    return expression
