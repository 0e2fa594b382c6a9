"""Escapes strings from files and services for GitHub-flavoured Markdown.

GitHub turns mentions, issues, commits and URLs into links everywhere except in code. For example, a
tag with `@team` would notify people. Backslash escapes do not prevent these links. So everything
except plain words is put into code spans and fences. Pass strings through `wording.printable`
first: the functions here expect printable lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_BACKTICKS: Final = re.compile("`+")
_MANY_BACKTICKS: Final = re.compile("`{10,}")
_FIRST_BACKTICKS: Final = re.compile(r"^[ \t]*(`+)", re.MULTILINE)
_PIECES: Final = re.compile(r"(`[^`]+`|\s+)")
_WORD: Final = re.compile(r"(?P<open>\(?)(?P<word>.*?)(?P<close>\)?[,;:.?!]*)", re.DOTALL)
# Matches words, and numbers of up to six digits. GitHub links seven hex digits to a commit, even if
# all of them are letters, as in "defaced".
_PLAIN: Final = re.compile(r"(?!(?i:[0-9a-f]{7,})\Z)(?:[A-Za-z]+(?:'[a-z]+)?|[0-9]{1,6}|%|)")


def countable(text: str) -> str:
    """Escapes long runs of backticks in a string."""
    # The delimiters of a fence or code span need more backticks than the longest run of backticks
    # in the content. GitHub's parser (cmark) supports at most 80.
    return _MANY_BACKTICKS.sub(lambda run: r"\x60" * len(run.group()), text)


def code(text: str) -> str:
    """Returns a one-line string as a code span."""
    text = countable(text)
    marks = _marks(_BACKTICKS.findall(text), least=1)
    stripped = text.strip(" ")
    # A code span cannot begin or end with a backtick, so content that begins or ends with one
    # gets a space on each side. Parsers remove these spaces. If content already begins and ends
    # with a space, parsers would also remove these spaces, so this content gets a space on each
    # side as well. See https://github.github.com/gfm/#code-spans
    pad = " " if not text or (stripped and text != stripped.strip("`")) else ""
    return f"{marks}{pad}{text}{pad if text else ''}{marks}"


def prose(text: str) -> str:
    """Returns a sentence in which everything except plain words is a code span.

    Parts that are already in backticks stay code. The caller must put some text before the result
    on the same line, because `-` at the start of a line would start a list.
    """
    result = ""
    for piece in _PIECES.split(text):
        shown = _piece(piece)
        # Without a space, two adjacent code spans would become one.
        result += f" {shown}" if result.endswith("`") and shown.startswith("`") else shown
    return result.strip()


def fence(lines: str, language: str = "") -> tuple[str, str]:
    """Returns the opening and the closing line of a fenced block.

    Args:
        lines: the content. Pass a line through `countable` first if the line begins with a string
            from a file or a service.
        language: the language for syntax highlighting.
    """
    marks = _marks(_FIRST_BACKTICKS.findall(lines), least=3)
    return f"{marks}{language}\n", f"{marks}\n"


def _piece(text: str) -> str:
    if not text or text.isspace():
        return " " if text else ""
    if _PIECES.fullmatch(text):
        return code(text[1:-1])
    found = _WORD.fullmatch(text)
    if found is None or _PLAIN.fullmatch(found["word"]):
        return text
    return f"{found['open']}{code(found['word'])}{found['close']}"


def _marks(runs: Sequence[str], least: int) -> str:
    return "`" * max(least, 1 + max(map(len, runs), default=0))
