"""Words for messages: suggestions, and texts out of files made safe to print."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from envsync._version import __version__

MAX_MESSAGE: Final = 500
"""Characters of a message; a text out of a file may be longer than any screen."""

MAX_WORD: Final = 100
"""Characters of a word that another is suggested for; comparing texts takes time."""


def install(extra: str) -> str:
    """The command that installs an extra. The plain name would find another project on PyPI."""
    source = f"git+https://github.com/envsync/envsync@v{__version__}"
    return f"pip install 'envsync[{extra}] @ {source}'"


def one_line(text: str) -> str:
    """A message that is safe to print: no control characters out of a file, and no end of it."""
    if len(text) > MAX_MESSAGE:
        text = text[: MAX_MESSAGE - 1] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that one was probably meant to be, if any is near."""
    if len(word) > MAX_WORD:
        return None
    by_lower = {item.lower(): item for item in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None
