"""Helper functions for messages: suggestions, and escapes for strings from files and services."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from envsync.model.masking import masked

DISTRIBUTION: Final = "envsync-azureml"
"""The name of envsync on PyPI. The name "envsync" on PyPI belongs to an unrelated project."""

MAX_MESSAGE: Final = 500
"""Maximum length of a message, in characters."""

MAX_FIX: Final = 4000
"""Maximum length of a fix, in characters. A longer fix is cut."""

# Azure Pipelines uses .NET, which ignores characters without a width when it searches for a text.
_NOTHING: Final = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]*"
)
# Not compiled here, because compiling the pattern is slow, and only text with `#` needs it.
COMMAND: Final = rf"(?i)#{_NOTHING}#{_NOTHING}(?:v{_NOTHING}s{_NOTHING}o{_NOTHING})?\["
"""Matches the start of a command that Azure Pipelines or GitHub Actions executes."""

# Matches characters that may not be printable: every control character except the line break, and
# everything outside of ASCII.
_NOT_SHOWN: Final = r"[^\n -~]"
_NOT_SHOWN_IN_COLOR: Final = r"(?!\x1b\[[0-9;]*m)[^\n -~]"
# A line can start with the codes of a colour.
_COMMAND_LINE: Final = r"(?m)^((?:[^\S\n]|\x1b\[[0-9;]*m)*)::"

MAX_WORD: Final = 100
"""Maximum length of an unknown word, in characters. A longer word gets no suggestion."""


def install(extra: str) -> str:
    """Returns the command that installs envsync with an extra."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def printable(text: str, limit: int | None = None) -> str:
    """Returns a string as one line that can be shown.

    Every character that is not printable is escaped, credentials are hidden, and the start of a
    command for Azure Pipelines or GitHub Actions is escaped.

    Args:
        text: a string from a file or a service.
        limit: maximum length in characters, before escaping. A longer string is cut.
    """
    # Hide credentials first: the rest of a credential that was cut is hard to recognise.
    text = masked(text)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    # Names, tags and error messages can contain escape sequences, which change what a terminal
    # shows. After a line break, a part of the text would look like a line of the log.
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return without_commands(text) if "#" in text else text


def without_commands(text: str) -> str:
    r"""Returns a text in which `##vso[` and `##[` are escaped, as in `\x23#vso[`.

    In any part of a line, Azure Pipelines executes `##vso[…]`, and GitHub Actions executes `##[…]`.
    """
    return re.sub(COMMAND, lambda found: rf"\x23{found.group()[1:]}", text)


def log_lines(text: str) -> str:
    """Returns lines for the log of a pipeline. The start of every command is escaped.

    GitHub Actions executes a line that starts with `::`, such as `::error::`. A line can start
    with the middle of a value, because long values are wrapped.
    """
    if "::" in text:
        text = re.sub(_COMMAND_LINE, r"\1\\x3a:", text)
    return without_commands(text) if "#" in text else text


def shown_lines(text: str, *, color: bool) -> str:
    """Returns lines for a terminal or the log of a pipeline.

    Escapes the starts of commands, and every character that is not printable, except line breaks.

    Args:
        text: one or more lines.
        color: whether the codes of colours are kept.
    """
    pattern = _NOT_SHOWN_IN_COLOR if color else _NOT_SHOWN
    if not text.isprintable():
        text = re.sub(pattern, _spelled_out, text)
    return log_lines(text)


def _spelled_out(found: re.Match[str]) -> str:
    character = found.group()
    return character if character.isprintable() else ascii(character)[1:-1]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Returns the known word that is most similar to `word`, or None if no word is similar."""
    # Skip long words, because the time of the comparison grows with the square of the length.
    if len(word) > MAX_WORD:
        return None
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None


def one_of(patterns: Sequence[str]) -> str:
    """Joins patterns for a sentence, such as "`a` or `b`". Shortens a long list."""
    shown = " or ".join(f"`{pattern}`" for pattern in patterns[:3])
    return shown if len(patterns) <= 3 else f"{shown}, or one of {len(patterns) - 3:,} more"
