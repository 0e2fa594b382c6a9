"""Recognises pointers of Git LFS, which stand in the place of files that were not fetched."""

from __future__ import annotations

from typing import Final

_START: Final = b"version https://git-lfs.github.com/spec/"
_MAX_SIZE: Final = 1024
"""Every pointer is smaller than this: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""


def is_lfs_pointer(data: bytes) -> bool:
    """Returns True if the bytes are a pointer of Git LFS instead of the content of a file."""
    return data.startswith(_START) and len(data) < _MAX_SIZE
