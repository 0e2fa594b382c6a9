"""Normalises the names in a build context, and defines the names that envsync leaves out."""

from __future__ import annotations

import os
from typing import Final

LEFT_OUT: Final = frozenset({".git", ".envsync"})
"""Names that are never part of a build context, at any depth.

`.git` is a directory, or a file in a submodule or worktree. No commit contains `.git`, and the
content of `.git` differs between checkouts. A local target keeps copies of build contexts in the
directory `.envsync`, so a context that contains this directory would grow with each copy.
azure-ai-ml does not leave out these names.
"""


def is_left_out(entry: os.DirEntry[str]) -> bool:
    """Returns True if envsync leaves a directory entry out of a build context."""
    return entry.name in LEFT_OUT and (entry.name == ".git" or os.path.isdir(entry.path))


def nfc(path: str) -> str:
    """Normalises a path to Unicode NFC. File systems store the same name in different forms."""
    if path.isascii():
        return path
    # Imported only here, because few paths need the Unicode tables.
    import unicodedata

    return unicodedata.normalize("NFC", path)
