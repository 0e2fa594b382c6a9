"""Recognises files of a build context by the start of their content."""

from __future__ import annotations

from typing import Final

_TEXT_PROBE: Final = 8192
"""If the first `_TEXT_PROBE` bytes of a file contain a null byte, the file is a binary file.

git searches the first 8000 bytes for a null byte.
"""

_SQLITE: Final = b"SQLite format 3\0"

LOCAL_TARGET_ID: Final = b"envs"
"""The SQLite application id of a local target (`APPLICATION_ID` in `targets/store/tables.py`).
"""


def has_crlf(content: bytes) -> bool:
    """Returns True if a text file has CRLF line ends. Returns False for a binary file."""
    # Most large files are binary files. The first search is short, and rejects these files.
    return b"\0" not in content[:_TEXT_PROBE] and b"\r\n" in content


def is_local_target(start: bytes) -> bool:
    """Returns True if a file starts like the SQLite file of a local target."""
    # SQLite stores the application id at offset 68 (https://www.sqlite.org/fileformat.html).
    return start.startswith(_SQLITE) and start[68:72] == LOCAL_TARGET_ID
