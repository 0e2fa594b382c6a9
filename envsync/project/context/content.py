"""Recognises files of a build context by the start of their content."""

from __future__ import annotations

from typing import Final

_TEXT_PROBE: Final = 8192
"""Number of bytes that are searched for a null byte, which marks a binary file (git: 8000)."""

_SQLITE: Final = b"SQLite format 3\0"

LOCAL_TARGET_ID: Final = b"envs"
"""The application id of a local target's file: `APPLICATION_ID` in `targets/store/tables.py`."""


def has_crlf(content: bytes) -> bool:
    """Returns True for a text with CRLF line ends. In a binary file, CRLF is not a line end."""
    return b"\r\n" in content and b"\0" not in content[:_TEXT_PROBE]


def is_local_target(start: bytes) -> bool:
    """Returns True if a file starts like the SQLite file of a local target."""
    # Offset 68 holds the application id: https://www.sqlite.org/fileformat.html
    return start.startswith(_SQLITE) and start[68:72] == LOCAL_TARGET_ID
