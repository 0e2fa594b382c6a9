"""Helper functions for messages: suggestions, and escapes for strings from files and services."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

DISTRIBUTION: Final = "envsync-azureml"
"""The name of envsync on PyPI. The name "envsync" on PyPI belongs to an unrelated project."""

DOCUMENTATION: Final = "https://github.com/envsync/envsync/blob/main/docs"
"""The address of the documentation. The documentation is not installed with envsync."""

MAX_MESSAGE: Final = 500
"""Maximum length of a message, in characters."""

MAX_FIX: Final = 4000
"""Maximum length of a fix, in characters. A longer fix is cut."""

MAX_WORD: Final = 100
"""Maximum length in characters of an unknown word for which a similar word is suggested."""


def install(extra: str) -> str:
    """Returns the command that installs envsync with an extra."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def printable(text: str, limit: int | None = None) -> str:
    """Returns a string as one line in which every character that is not printable is escaped.

    Args:
        text: a string from a file or a service.
        limit: maximum length in characters, before escaping. A longer string is cut.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    # Names, tags and error messages can contain escape sequences that change what a terminal shows,
    # or line breaks that make a part of the text look like another line of a log.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Returns the known word that is most similar to `word`, or None if no word is similar."""
    # Skip long words, because the time of the comparison grows with the square of the length.
    if len(word) > MAX_WORD:
        return None
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None
