"""Strings from outside inside GitHub-flavoured Markdown, without any effect of their own.

GitHub turns mentions, issues, commits and URLs into links everywhere except in code, and no escape
prevents this: a tag with `@team` would notify people. So every string from a file or a service is
put into code spans and fences, except for plain words. `wording.printable` has made
it one printable line before.
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
# Words, and numbers of up to six digits. GitHub takes seven hex digits for a commit, even if all of
# them are letters, as in "defaced".
_PLAIN: Final = re.compile(r"(?!(?i:[0-9a-f]{7,})\Z)(?:[A-Za-z]+(?:'[a-z]+)?|[0-9]{1,6}|%|)")


def countable(text: str) -> str:
    """The string with long runs of backticks escaped."""
    # A fence or code span needs more backticks than its content has in a row. GitHub's parser
    # (cmark) supports at most 80.
    return _MANY_BACKTICKS.sub(lambda run: r"\x60" * len(run.group()), text)


def code(text: str) -> str:
    """A string of one line as a code span."""
    text = countable(text)
    marks = _marks(_BACKTICKS.findall(text), least=1)
    stripped = text.strip(" ")
    # A code span cannot begin or end with a backtick. A parser removes one space on each side, if
    # there is one on both and the content is not only spaces.
    pad = " " if not text or (stripped and text != stripped.strip("`")) else ""
    return f"{marks}{pad}{text}{pad if text else ''}{marks}"


def prose(text: str) -> str:
    """A sentence with plain words as they are, and everything else as code spans.

    Parts that are in backticks already stay code. The caller has to put other text before
    the result in the same line: at the start of a line, `-` would start a list.
    """
    result = ""
    for piece in _PIECES.split(text):
        shown = _piece(piece)
        # Without a space, two adjacent code spans would become one.
        result += f" {shown}" if result.endswith("`") and shown.startswith("`") else shown
    return result.strip()


def fence(lines: str, language: str = "") -> tuple[str, str]:
    """The opening and closing lines of a fenced block.

    Args:
        lines: the content. A line that begins with a string from outside must be `countable`.
        language: for syntax highlighting.
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
