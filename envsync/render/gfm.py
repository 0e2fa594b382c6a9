"""Text of others inside GitHub-flavoured Markdown, where it can only ever be read.

GitHub makes links of mentions, issues, commits and addresses wherever they stand but in code, and
no escape keeps it from that. So text that comes from a file or a service stands in code spans and
fences, but for plain words. It is one printable line by then (`paint.safe`).
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
# Seven digits of a commit are enough for a link, and they may all be letters.
_PLAIN: Final = re.compile(r"(?!(?i:[0-9a-f]{7,})\Z)(?:[A-Za-z]+(?:'[a-z]+)?|[0-9]{1,6}|%|)")


def countable(text: str) -> str:
    """Text whose long runs of backticks are spelt out: GitHub's parser counts to 80 of them."""
    return _MANY_BACKTICKS.sub(lambda run: r"\x60" * len(run.group()), text)


def code(text: str) -> str:
    """One line of text as a code span."""
    text = countable(text)
    marks = _marks(_BACKTICKS.findall(text), least=1)
    stripped = text.strip(" ")
    pad = " " if not text or (stripped and text != stripped.strip("`")) else ""
    return f"{marks}{pad}{text}{pad if text else ''}{marks}"


def prose(text: str) -> str:
    """A sentence: plain words as they are; names, addresses and the like as code spans.

    What stands in backticks is code already. The result must not begin a block: it could be taken
    for an item of a list.
    """
    told = ""
    for piece in _PIECES.split(text):
        shown = _piece(piece)
        # Two code spans that touch would be one.
        told += f" {shown}" if told.endswith("`") and shown.startswith("`") else shown
    return told.strip()


def fence(lines: str, language: str = "") -> tuple[str, str]:
    """What opens and closes a fenced block. Lines that begin with text of others: `countable`."""
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
