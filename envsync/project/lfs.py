"""Detects Git LFS pointers: the small text files that git stores instead of large files.

The format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

MAX_POINTER_BYTES: Final = 1024
"""A pointer is smaller than this number of bytes. Git LFS has the same limit."""

# A pointer starts with a line that contains `version` and a URL. Git LFS wrote other URLs before
# release 1.0, when it had other names. Lines that start with `ext-` are optional. After a checkout
# on Windows, the line ends can be CRLF.
_POINTER: Final = (
    rb"version (?:https://(?:git-lfs|hawser)\.github\.com/spec/v1|http://git-media\.io/v/2)"
    rb"\r?\n(?:ext-\d-[^\s]+ sha256:[0-9a-f]{64}\r?\n)*"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\r?\nsize (?P<size>\d+)(?:\r?\n)*"
)

FIX: Final = "Run `git lfs pull`. In a workflow with actions/checkout, set `lfs: true`."
"""Every problem about a Git LFS pointer has this `fix`."""


class LfsPointer(Struct, frozen=True):
    """The content of a Git LFS pointer.

    Attributes:
        oid: the hex SHA-256 of the file that the pointer stands for.
        size: the size of that file, in bytes.
    """

    oid: str
    size: int


def lfs_pointer(data: bytes) -> LfsPointer | None:
    """Returns the pointer if the bytes of a file are a Git LFS pointer, otherwise None."""
    # This check is fast, and rejects nearly all files.
    if len(data) >= MAX_POINTER_BYTES or not data.startswith(b"version "):
        return None
    match = re.fullmatch(_POINTER, data)
    return LfsPointer(match["oid"].decode(), int(match["size"])) if match else None
