"""Splits a Dockerfile into instructions. Each character keeps its position in the file.

The rules are those of BuildKit (`frontend/dockerfile/parser` in https://github.com/moby/buildkit):
continuation lines, comments and empty lines within an instruction, the directive `# escape=`, and
here-documents.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final, TypeAlias

from msgspec import Struct

MAX_WORD: Final = 1000
"""Maximum length of a word, before and after its variables are replaced.

Every valid image is shorter. Without a maximum, defaults such as `${A}${A}` could make a word
extremely long.
"""

_Line: TypeAlias = tuple[int, str]
"""The index of the start of a line, and the line with its line end."""

_Heredoc: TypeAlias = tuple[str, bool]
"""The last line of a here-document, and whether tabs before it are ignored."""

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES: Final = ("syntax", "escape", "check")
_SPACE: Final = re.compile(r"[\t\v\f\r ]+")
_PLAIN_WORD: Final = re.compile(r"\S+")
_HEREDOC: Final = re.compile(r"\d*<<(-?)([^<]*)")
_WITH_WORDS: Final = ("ARG", "FROM")
_WITH_HEREDOC: Final = ("RUN", "COPY", "ADD", "ONBUILD")


class Char(Struct, frozen=True):
    """A character of an instruction.

    Attributes:
        text: the character.
        offset: the index of the character in the text of the file.
        owner: the `ARG` whose default contains the character; empty if the character is in the
            instruction itself.
    """

    text: str
    offset: int
    owner: str = ""


class Instruction(Struct, frozen=True):
    """An instruction of a Dockerfile.

    Attributes:
        name: the keyword in upper case, such as `FROM`.
        words: the words of an `ARG` or `FROM` after the keyword, split at white space outside of
            quotes. Quotes, escapes and variables are kept as they are written. Each word is cut to
            at most `MAX_WORD` + 1 characters. For other instructions, `words` is empty.
        start: the index of the first character in the text of the file.
    """

    name: str
    words: tuple[tuple[Char, ...], ...]
    start: int


def instructions(text: str) -> tuple[str, tuple[Instruction, ...]]:
    """Returns the escape character of a Dockerfile, and its instructions."""
    first = len(text) - len(text.removeprefix("\ufeff"))
    lines = [(found.start(), found.group()) for found in _LINE.finditer(text, first)]
    escape = _escape([line for _, line in lines])
    return escape, tuple(_instructions(lines, escape))


def _escape(lines: list[str]) -> str:
    for line in lines:
        found = _DIRECTIVE.fullmatch(line.strip())
        # As in BuildKit, an unknown directive is a comment, and a comment ends the directives.
        if found is None or found[1].lower() not in _DIRECTIVES:
            break
        if found[1].lower() == "escape" and found[2] in ("\\", "`"):
            return found[2]
    return "\\"


def _instructions(lines: list[_Line], escape: str) -> Iterator[Instruction]:
    end = re.escape(escape)
    # Two escape characters at the end of a line are one escaped character.
    continued = re.compile(rf"(?:(.*[^{end}])|){end}[ \t\r]*\n?", re.DOTALL)
    last_numbers = _last_numbers(lines) if any("<<" in line for _, line in lines) else {}
    number = 0
    while number < len(lines):
        start, line = lines[number]
        number += 1
        if _is_skipped(line):
            continue
        pieces: list[_Line] = []
        # The pattern is slow for a long line, so the end of the line is compared first.
        while line.rstrip().endswith(escape) and (found := continued.fullmatch(line)):
            pieces.append((start, found[1] or ""))
            # Comments and empty lines do not end an instruction.
            while number < len(lines) and _is_skipped(lines[number][1]):
                number += 1
            if number == len(lines):
                break
            start, line = lines[number]
            number += 1
        else:
            pieces.append((start, line.rstrip("\r\n")))
        text = "".join(piece for _, piece in pieces)
        name = _SPACE.split(text.strip(), maxsplit=1)[0].upper()
        if name in _WITH_WORDS:
            words = _words(text, pieces, escape)
            yield Instruction(name, words[1:], words[0][0].offset)
        elif name in _WITH_HEREDOC and "<<" in text:
            number = _after_heredocs(text, number, lines, last_numbers)


def _is_skipped(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


def _words(text: str, pieces: list[_Line], escape: str) -> tuple[tuple[Char, ...], ...]:
    """Splits an instruction into words. A word can span several lines."""
    firsts = list(accumulate((len(piece) for _, piece in pieces), initial=0))[:-1]

    def offset(index: int) -> int:
        piece = bisect_right(firsts, index) - 1
        return pieces[piece][0] + index - firsts[piece]

    def word(start: int, end: int) -> tuple[Char, ...]:
        first, last = offset(start), offset(end - 1)
        # Nearly all words are in one line, so that their characters follow each other in the file.
        in_one_line = last - first == end - 1 - start
        offsets = range(first, last + 1) if in_one_line else map(offset, range(start, end))
        return tuple(map(Char, text[start:end], offsets))

    return tuple(word(start, min(end, start + MAX_WORD + 1)) for start, end in _spans(text, escape))


def _spans(text: str, escape: str) -> Iterator[tuple[int, int]]:
    """Yields the start and the end of each word."""
    # Most instructions have neither quotes nor escapes.
    if not {escape, "'", '"'}.intersection(text):
        yield from (found.span() for found in _PLAIN_WORD.finditer(text))
        return
    start, quote, escaped = -1, "", False
    for index, char in enumerate(text):
        if not quote and not escaped and char.isspace():
            if start >= 0:
                yield start, index
            start = -1
            continue
        start = index if start < 0 else start
        if escaped:
            escaped = False
        elif char == escape and quote != "'":
            escaped = True
        elif char in "'\"" and quote in ("", char):
            quote = "" if quote else char
    if start >= 0:
        yield start, len(text)


def _last_numbers(lines: list[_Line]) -> dict[_Heredoc, int]:
    """Returns, for each possible here-document, the number of the last line that can end it."""
    found: dict[_Heredoc, int] = {}
    for number, (_, line) in enumerate(lines):
        for strips_tabs in (False, True):
            found[_body(line, strips_tabs), strips_tabs] = number
    return found


def _body(line: str, strips_tabs: bool) -> str:
    body = line.rstrip("\r\n")
    return body.lstrip("\t") if strips_tabs else body


def _after_heredocs(
    text: str, number: int, lines: list[_Line], last: Mapping[_Heredoc, int]
) -> int:
    """Returns the number of the line after the here-documents of an instruction.

    Args:
        text: the instruction as one line.
        number: the number of the line after the instruction.
        lines: the lines of the file.
        last: the result of `_last_numbers`.
    """
    for marker, strips_tabs in _heredocs(text):
        # Without an end, either `<<` starts no here-document, or BuildKit refuses the file.
        if last.get((marker, strips_tabs), -1) >= number:
            while _body(lines[number][1], strips_tabs) != marker:
                number += 1
            number += 1
    return number


def _heredocs(text: str) -> Iterator[_Heredoc]:
    # To find here-documents, BuildKit splits words with `\` as the escape character, even if the
    # Dockerfile sets another escape character.
    words = (text[start:end] for start, end in _spans(text, "\\"))
    for word in words:
        found = _HEREDOC.fullmatch(word)
        if found is None:
            continue
        # White space can follow `<<`, but not `<<-`.
        marker = found[2] or ("" if found[1] else next(words, ""))
        if marker and "<" not in marker:
            yield re.sub(r"['\"\\]", "", marker), bool(found[1])
