"""Renders values of fields: wraps long values, and shows nested values without JSON syntax."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from envsync.model.wording import printable
from envsync.render.paint import cells

if TYPE_CHECKING:
    from envsync.model.canonical import JSON

NONE: Final = "(none)"
"""The text for an absent value or version."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_DIGEST_LENGTH = len("sha256:") + 12

# Matches a word and the spaces after it. The first match includes the spaces before the word.
_PIECES = re.compile(r"\A *[^ ]* *|[^ ]+ *")


def value_text(value: JSON) -> str:
    """Returns a value as one line.

    Strings are quoted, digests are cut to twelve digits, and None becomes `(none)`.
    """
    if value is None:
        return NONE
    if isinstance(value, str):
        return short_digest(value) if _DIGEST.match(value) else f'"{printable(value)}"'
    if isinstance(value, dict | list):
        return plain_text(value) if value else json.dumps(value)
    # Use JSON, because str() would return `True`, but the file contains `true`.
    return json.dumps(value)


def short_digest(digest: str) -> str:
    """Returns the first twelve digits of a digest, which are enough to distinguish digests."""
    return digest[:_DIGEST_LENGTH] + "…"


def wrapped(text: str, width: int, separators: str = "/:@,;=&?") -> Iterator[str]:
    """Yields a text as lines of at most `width` terminal columns.

    Lines are broken at spaces. A word that is too long for a line, such as an image name, is
    broken. If a separator is near the end of the line, the word is broken after this separator.

    Args:
        text: the text; spaces at its beginning are kept.
        width: the number of columns, at least 2.
        separators: the characters after which a long word is broken.
    """
    if cells(text) <= width:
        yield text
        return
    line = ""
    for piece in _PIECES.findall(text):
        if cells(line + piece.rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            yield line.rstrip()
        word = piece if line.strip() else line + piece
        *whole, line = _broken(word, width, separators)
        yield from whole
    yield line.rstrip()


def _broken(word: str, width: int, separators: str) -> Iterator[str]:
    """Yields the pieces of a word that is too long for a line.

    The last piece can be shorter than a line.
    """
    from rich.cells import chop_cells

    start, end = 0, len(word.rstrip())
    # Widths are computed for one line at a time, because a word can be as long as a file.
    while start + width < end or cells(word[start:end]) > width:
        line = chop_cells(word[start : start + width], width)[0]
        found = max(line.rfind(mark) for mark in separators)
        length = found + 1 if found > len(line) // 2 else len(line)
        yield word[start : start + length]
        start += length
    yield word[start:]


def plain_text(value: JSON) -> str:
    """Returns nested data without quotes, and without brackets at the top level."""
    if isinstance(value, dict):
        return "; ".join(f"{printable(key)}: {plain_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(
            f"[{plain_text(item)}]" if isinstance(item, dict | list) else plain_text(item)
            for item in value
        )
    return printable(value) if isinstance(value, str) else json.dumps(value)
