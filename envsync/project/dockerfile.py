"""Finds the base images of a Dockerfile: its `FROM` instructions, with the defaults of `ARG`.

The module follows the parser of BuildKit: comments, parser directives, continued lines,
here-documents, `ARG` instructions before the first `FROM`, and variables in `FROM`. Other
instructions are skipped.
Reference: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

_DIRECTIVE: Final = re.compile(r"[ \t]*#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.+?)[ \t\r]*")
# Matches one word, for each escape character. A quoted part can contain white space, and belongs to
# the word around it.
_WORDS: Final = {
    "\\": re.compile(r"""(?:[^\s"'\\]|\\(?s:.)|"(?:\\(?s:.)|[^"\\])*"|'[^']*'|["'\\])+"""),
    "`": re.compile(r"""(?:[^\s"'`]|`(?s:.)|"(?:`(?s:.)|[^"`])*"|'[^']*'|["'`])+"""),
}
_KEYWORD: Final = re.compile(r"\s*([A-Za-z]+)(?=\s|$)")
_HERE_DOCUMENT: Final = re.compile(r"\d*<<(?P<tabs>-?)(?P<name>[^<\s]+)")
_WITH_HERE_DOCUMENTS: Final = ("run", "copy", "add", "onbuild")
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# Matches `${NAME}` with an optional default or alternative, such as `${NAME:-default}`.
_BRACES: Final = re.compile(
    r"(?P<name>[A-Za-z_]\w*)(?:(?P<colon>:?)(?P<operator>[-+?])(?P<word>.*))?", re.ASCII | re.DOTALL
)


_MAX_WORD: Final = 2000
"""Maximum number of characters of a word in which variables are filled in.

Every image reference is shorter. Without this limit, a few `ARG` lines could expand to gigabytes.
"""


@dataclass(frozen=True, slots=True)
class BaseImage:
    """The base image in one `FROM` instruction.

    Attributes:
        written: the image as it is written, such as `python:${TAG}`.
        image: the image with the defaults of `ARG` filled in. None if a variable has no default, or
            uses an operator that envsync does not know.
        line: the 1-based line of the image.
        start: the index of the first character of the image in the text.
        end: the index after the last character of the image.
        stage: the name of the build stage in lower case, or None.
        is_external: False for `scratch` and for the name of an earlier build stage.
    """

    written: str
    image: str | None
    line: int
    start: int
    end: int
    stage: str | None
    is_external: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of an instruction, with the index of its start and of its end in the text."""

    text: str
    start: int
    end: int


def base_images(text: str) -> tuple[BaseImage, ...]:
    """Returns the base images of a Dockerfile, in the order of the file.

    Args:
        text: the text of the Dockerfile. Line ends can be LF or CRLF.
    """
    escape = _escape(text)
    found: list[BaseImage] = []
    arguments: dict[str, str | None] = {}
    stages: set[str] = set()
    for keyword, words in _instructions(text, escape):
        if keyword == "arg" and not found:
            for word in words:
                name, has_default, default = word.text.partition("=")
                arguments[name] = _expand(default, arguments, escape) if has_default else None
        elif keyword == "from":
            base = _base_image(text, words, arguments=arguments, escape=escape, stages=stages)
            if base is not None:
                found.append(base)
                if base.stage:
                    stages.add(base.stage)
    return tuple(found)


def _base_image(
    text: str,
    words: list[_Word],
    *,
    arguments: Mapping[str, str | None],
    escape: str,
    stages: set[str],
) -> BaseImage | None:
    words = [word for word in words if not word.text.startswith("--")]
    if not words:
        return None
    word = words[0]
    image = _expand(word.text, arguments, escape)
    named = len(words) > 2 and words[1].text.lower() == "as"
    return BaseImage(
        written=word.text,
        image=image or None,
        line=text.count("\n", 0, word.start) + 1,
        start=word.start,
        end=word.end,
        stage=words[2].text.lower() if named else None,
        is_external=image is None or (image != "scratch" and image.lower() not in stages),
    )


def _escape(text: str) -> str:
    """Returns the escape character, which a directive at the top of the file can change."""
    for line in text.removeprefix("\ufeff").split("\n"):
        directive = _DIRECTIVE.fullmatch(line)
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in ("\\", "`"):
            return directive[2]
    return "\\"


def _instructions(text: str, escape: str) -> Iterator[tuple[str, list[_Word]]]:
    """Yields each `ARG` and `FROM` instruction: the keyword in lower case, and its other words."""
    lines = _lines(text)
    for line, start in lines:
        parts = _logical_line(line, start, lines, escape)
        joined = "".join(part for part, _ in parts)
        keyword = _KEYWORD.match(joined)
        if keyword is None:
            continue
        name = keyword[1].lower()
        if name in ("arg", "from"):
            yield name, _words(joined, parts, escape)[1:]
        elif name in _WITH_HERE_DOCUMENTS and "<<" in joined:
            _skip_here_documents(_WORDS[escape].findall(joined), lines)


def _logical_line(
    line: str, start: int, lines: Iterator[tuple[str, int]], escape: str
) -> list[tuple[str, int]]:
    """Returns the lines of one instruction without their escape characters, each with its start.

    Comments and empty lines inside of an instruction are left out.
    """
    parts: list[tuple[str, int]] = []
    while True:
        bare = line.rstrip(" \t\r")
        is_continued = bare.endswith(escape)
        if not line.lstrip().startswith("#") and (bare or not parts):
            parts.append((bare[:-1] if is_continued else line, start))
            if not is_continued:
                return parts
        elif not parts:
            return parts
        following = next(lines, None)
        if following is None:
            return parts
        line, start = following


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yields each line without its line end, and the index of its start."""
    start = len(text) - len(text.removeprefix("\ufeff"))
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end].removesuffix("\r"), start
        start = end + 1


def _words(joined: str, parts: list[tuple[str, int]], escape: str) -> list[_Word]:
    """Splits an instruction into words. A word can span several lines."""
    lengths = accumulate((len(part) for part, _ in parts), initial=0)
    firsts = list(lengths)[:-1]

    def in_text(index: int) -> int:
        line = bisect_right(firsts, index) - 1
        return parts[line][1] + index - firsts[line]

    return [
        _Word(word.group(), in_text(word.start()), in_text(word.end() - 1) + 1)
        for word in _WORDS[escape].finditer(joined)
    ]


def _skip_here_documents(words: list[str], lines: Iterator[tuple[str, int]]) -> None:
    for word in words:
        found = _HERE_DOCUMENT.fullmatch(word)
        if found is None:
            continue
        name = re.sub(r"['\"\\]", "", found["name"])
        for line, _ in lines:
            if (line.lstrip("\t") if found["tabs"] else line) == name:
                break


def _expand(word: str, values: Mapping[str, str | None], escape: str) -> str | None:
    """Removes the quotes of a word and fills in its variables.

    Returns None if the value of a variable is unknown, or if the result is too long.
    """
    if len(word) > _MAX_WORD:
        return None
    result: list[str] = []
    quote = ""
    index = 0
    while index < len(word):
        character = word[index]
        index += 1
        if character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        elif character == escape and quote != "'" and index < len(word):
            result.append(word[index])
            index += 1
        elif character == "$" and quote != "'":
            filled, index = _variable(word, index, values, escape)
            if filled is None:
                return None
            result.append(filled)
        else:
            result.append(character)
    filled_in = "".join(result)
    return filled_in if len(filled_in) <= _MAX_WORD else None


def _variable(
    word: str, index: int, values: Mapping[str, str | None], escape: str
) -> tuple[str | None, int]:
    """Returns the value of the variable after a `$`, and the index after the variable."""
    if word[index : index + 1] != "{":
        name = _NAME.match(word, index)
        return ("$", index) if name is None else (values.get(name.group()), name.end())
    end = _closing_brace(word, index)
    found = _BRACES.fullmatch(word, index + 1, end)
    if end < 0 or found is None:
        return None, len(word)
    value = values.get(found["name"])
    is_set = bool(value) if found["colon"] else value is not None
    if found["operator"] == "+":
        value = _expand(found["word"], values, escape) if is_set else ""
    elif found["operator"] == "-" and not is_set:
        value = _expand(found["word"], values, escape)
    return value, end + 1


def _closing_brace(word: str, start: int) -> int:
    """Returns the index of the `}` that closes the `{` at `start`, or -1."""
    depth = 0
    for index in range(start, len(word)):
        depth += (word[index] == "{") - (word[index] == "}")
        if depth == 0:
            return index
    return -1
