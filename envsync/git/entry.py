"""Describes the files, symbolic links and submodules of a commit."""

from __future__ import annotations

import os

from msgspec import Struct


class Entry(Struct, frozen=True):
    """A file, symbolic link or submodule in a commit.

    Attributes:
        mode: six octal digits, such as `100644`.
        id: the object id of the content. For a submodule, the id of its commit.
        path: the path relative to the top of the repository, with `/`.
    """

    mode: str
    id: str
    path: str

    @property
    def is_submodule(self) -> bool:
        """True if the entry is a submodule: a commit of another repository."""
        return self.mode == "160000"

    @property
    def is_link(self) -> bool:
        """True if the entry is a symbolic link."""
        return self.mode == "120000"


def parse_entry(line: bytes) -> Entry:
    """Parses one line of `git ls-tree`: `<mode> <type> <id><tab><path>`."""
    facts, _, path = os.fsdecode(line).partition("\t")
    mode, _, object_id = facts.split(" ")
    return Entry(mode, object_id, path)
