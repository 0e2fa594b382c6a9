"""Which files of a build context an ignore file drops: `.amlignore`, `.gitignore`, `.dockerignore`.

Digests rest on these rules, so no release of a library may change them: both dialects are spelled
out here. `.amlignore` and `.gitignore` mean what they mean to azure-ai-ml, which is close to git
but not the same: patterns are matched against one path at a time, without knowing whether it is a
directory. A test holds the two together. `.dockerignore` means what it means to Docker
(https://docs.docker.com/build/concepts/context/#dockerignore-files).
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
        regex: matches, from the start, the paths that the line is about.
        drops: whether these paths are dropped; False for a line that starts with `!`.
    """

    regex: re.Pattern[str]
    drops: bool


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The patterns of one `.amlignore` or `.gitignore`, in file order; the last match decides."""

    patterns: tuple[Pattern, ...]

    @property
    def brings_back(self) -> bool:
        """Whether a line starts with `!`, so that a dropped directory may hold files that stay."""
        return any(not pattern.drops for pattern in self.patterns)

    def drops(self, path: str) -> bool:
        """Whether a path (`/`-separated, relative to the ignore file's directory) is dropped."""
        for pattern in reversed(self.patterns):
            if pattern.regex.match(path):
                return pattern.drops
        return False


@lru_cache(maxsize=256)
def parse_ignore_file(text: str) -> IgnoreRules:
    """The rules of a `.amlignore` or `.gitignore`, read as azure-ai-ml reads them.

    Raises:
        ValueError: a line that makes azure-ai-ml fail; the message names the line.
    """
    patterns = []
    for number, line in enumerate(_lines(text), 1):
        try:
            pattern = _git_pattern(line.strip())
        except (ValueError, re.error) as error:
            raise ValueError(f"line {number} is no valid pattern: {line.strip()}") from error
        if pattern is not None:
            patterns.append(pattern)
    return IgnoreRules(tuple(patterns))


@lru_cache(maxsize=256)
def parse_dockerignore(text: str) -> IgnoreRules:
    """The rules of a `.dockerignore`; a line that Docker would refuse is passed over."""
    patterns = []
    for line in _lines(text):
        # Docker looks for `#` before it strips: an indented `#` starts a name.
        text = "" if line.startswith("#") else line.strip()
        drops = not text.startswith("!")
        text = text if drops else text[1:].strip()
        if not text:
            continue
        # Docker matches each directory above a file as well, hence the tail.
        expression = _docker_expression(posixpath.normpath(text).lstrip("/")) + "(?:/.*)?"
        try:
            patterns.append(Pattern(re.compile(expression + r"\Z", re.DOTALL), drops))
        except re.error:
            continue
    return IgnoreRules(tuple(patterns))


def _lines(text: str) -> list[str]:
    """The lines as text files have them: not `str.splitlines`, which also splits at form feeds."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _git_pattern(text: str) -> Pattern | None:
    """One stripped line in azure-ai-ml's dialect; None where it is blank or a comment."""
    if not text or text.startswith("#") or text == "/":
        return None
    drops = not text.startswith("!")
    segments = (text if drops else text[1:]).split("/")
    segments = [
        segment
        for before, segment in zip([None, *segments], segments, strict=False)
        if not (before == segment == "**")
    ]
    if segments == ["**", ""]:  # whatever is not directly in the root
        return Pattern(re.compile("^.+/.*$"), drops)
    if not segments[0]:  # a leading slash ties the pattern to the root
        segments = segments[1:]
    elif (len(segments) == 1 or segments[1:] == [""]) and segments[0] != "**":
        segments = ["**", *segments]  # one name alone is looked for at every depth
    if not segments:
        raise ValueError("a lone `!`")
    if len(segments) > 1 and not segments[-1]:
        # `name/` means what lies below `name`. The directory itself is tested without a slash, so
        # it does not match: it is walked, and its name still counts for the upload hash.
        segments[-1] = "**"
    return Pattern(re.compile(_git_expression(segments)), drops)


def _git_expression(segments: list[str]) -> str:
    """The regular expression for the normalised segments of a pattern."""
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
    """The regular expression for one segment with `*`, `?`, `[…]` and backslashes."""
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
            # A bracket that stands first belongs to the set: `[]a]`, `[!]a]`.
            first = index + 1 if segment.startswith("!", index) else index
            end = segment.find("]", first + 1 if segment.startswith("]", first) else first)
            if end < 0:
                expression += re.escape(char)
            else:
                expression += _character_set(segment[first:end], negated=first > index)
                index = end + 1
        else:
            expression += re.escape(char)
    return expression


def _character_set(body: str, *, negated: bool) -> str:
    """`[…]` as a regular expression; escaped, since Python reserves `[`, `--` and `&&` in it."""
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
    """The regular expression for one cleaned Docker pattern, which always starts at the root."""
    expression = ""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
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
            negated = pattern[index] == "^"
            expression += _character_set(pattern[index + negated : end], negated=negated)
            index = end + 1
        else:
            expression += re.escape(char)
    return expression
