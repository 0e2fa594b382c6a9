"""Strings for messages: suggestions, and strings from outside made printable."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from envsync._version import __version__

MAX_MESSAGE: Final = 500
"""Maximum length of a message, in characters."""

MAX_WORD: Final = 100
"""Maximum length of a word that gets a suggestion, in characters."""


def install(extra: str) -> str:
    """The command that installs envsync with an extra."""
    # Not `pip install envsync[...]`: the name "envsync" on PyPI belongs to an unrelated project.
    source = f"git+https://github.com/envsync/envsync@v{__version__}"
    return f"pip install 'envsync[{extra}] @ {source}'"


def printable(text: str, limit: int | None = None) -> str:
    """A string as one printable line: every character that cannot be seen is escaped.

    Args:
        text: a string from a file or a service.
        limit: maximum length in characters, before escaping; a longer string is cut.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    # Names, tags and error messages can contain escape sequences that move the cursor or change
    # what a terminal shows, and line breaks that fake a line of a log.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most similar to `word`; None if none is similar."""
    # The comparison takes time that grows with the square of the length.
    if len(word) > MAX_WORD:
        return None
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None
