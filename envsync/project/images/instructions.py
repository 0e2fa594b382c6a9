"""Splits a Dockerfile into instructions. Each character keeps its position in the file.

The rules are those of BuildKit (`frontend/dockerfile/parser` in https://github.com/moby/buildkit):
continuation lines, comments and empty lines within an instruction, the directive `# escape=`, and
here-documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_DIRECTIVE: Final = re.compile(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(\S*)[ \t]*")
_HEREDOC: Final = re.compile(r"\d*<<(-?)([^<\s]+)")
_WITH_WORDS: Final = ("ARG", "FROM")
_MAX_LENGTH: Final = 10_000
"""Maximum length of an instruction that is split. No valid image needs a longer one."""

_WITH_HEREDOC: Final = ("RUN", "COPY", "ADD")


@dataclass(frozen=True, slots=True)
class Char:
    """A character of an instruction.

    Attributes:
        text: the character.
        offset: its index in the text of the file.
        owner: the `ARG` whose default contains the character; empty in the instruction itself.
    """

    text: str
    offset: int
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction of a Dockerfile.

    Attributes:
        name: the keyword in upper case, such as `FROM`.
        words: the words of an `ARG` or `FROM` after the keyword, split at white space outside of
            quotes. Quotes, escapes and variables are kept as they are written. Empty for other
            instructions.
        start: the index of the first character in the text of the file.
        text: the instruction as one line, without its comments.
    """

    name: str
    words: tuple[tuple[Char, ...], ...]
    start: int
    text: str


def instructions(text: str) -> tuple[str, tuple[Instruction, ...]]:
    """Returns the escape character of a Dockerfile, and its instructions."""
    lines = [(found.start(), found.group()) for found in re.finditer(r"[^\n]*\n|[^\n]+", text)]
    escape, first = _directives(lines)
    return escape, tuple(_instructions(lines[first:], escape))


def _directives(lines: list[tuple[int, str]]) -> tuple[str, int]:
    """Returns the escape character, and the number of lines with directives."""
    escape = "\\"
    for number, (_, line) in enumerate(lines):
        found = _DIRECTIVE.fullmatch(line.removeprefix("\ufeff").strip())
        if found is None:
            return escape, number
        if found[1].lower() == "escape" and found[2] in ("\\", "`"):
            escape = found[2]
    return escape, len(lines)


def _instructions(lines: list[tuple[int, str]], escape: str) -> Iterator[Instruction]:
    last = re.escape(escape)
    # Two escape characters at the end of a line are one escaped character.
    continued = re.compile(rf"(?:(.*[^{last}])|){last}[ \t\r]*\n?", re.DOTALL)
    remaining = iter(lines)
    for start, line in remaining:
        if _is_skipped(line):
            continue
        pieces: list[tuple[int, str]] = []
        while True:
            found = continued.fullmatch(line)
            pieces.append((start, (found[1] or "") if found else line.rstrip("\r\n")))
            # Comments and empty lines do not end an instruction.
            following = (item for item in remaining if not _is_skipped(item[1]))
            if found is None or (after := next(following, None)) is None:
                break
            start, line = after
        instruction = _instruction(pieces, escape)
        if instruction is None:
            continue
        yield instruction
        if instruction.name in _WITH_HEREDOC:
            for marker, strips_tabs in _heredocs(instruction):
                for _, line in remaining:
                    body = line.rstrip("\r\n")
                    if (body.lstrip("\t") if strips_tabs else body) == marker:
                        break


def _is_skipped(line: str) -> bool:
    stripped = line.removeprefix("\ufeff").strip()
    return not stripped or stripped.startswith("#")


def _instruction(pieces: list[tuple[int, str]], escape: str) -> Instruction | None:
    text = "".join(piece for _, piece in pieces).removeprefix("\ufeff")
    name = text.split(maxsplit=1)[0].upper() if text.strip() else ""
    if not name:
        return None
    if name not in _WITH_WORDS or len(text) > _MAX_LENGTH:
        return Instruction(name, (), pieces[0][0], text)
    chars = [
        Char(char, start + index) for start, piece in pieces for index, char in enumerate(piece)
    ]
    words = _words(chars[chars[0].text == "\ufeff" :], escape)
    return Instruction(name, tuple(words[1:]), words[0][0].offset, text)


def _words(chars: list[Char], escape: str) -> list[tuple[Char, ...]]:
    words: list[tuple[Char, ...]] = []
    word: list[Char] = []
    quote, escaped = "", False
    for char in chars:
        if not quote and not escaped and char.text.isspace():
            if word:
                words.append(tuple(word))
                word = []
            continue
        word.append(char)
        if escaped:
            escaped = False
        elif char.text == escape and quote != "'":
            escaped = True
        elif char.text in "'\"" and quote in ("", char.text):
            quote = "" if quote else char.text
    if word:
        words.append(tuple(word))
    return words


def _heredocs(instruction: Instruction) -> Iterator[tuple[str, bool]]:
    """Yields the last line of each here-document, and whether its tabs are removed."""
    for word in instruction.text.split():
        found = _HEREDOC.fullmatch(word)
        if found:
            yield re.sub(r"['\"]", "", found[2]), bool(found[1])
