"""Paths of a project's files as others name them: relative to the repository's root."""

from __future__ import annotations

import posixpath


def below(prefix: str, file: str) -> str:
    """A file of the project, relative to the repository's root; an absolute path stays as it is.

    Args:
        prefix: the project directory, relative to that root; empty where it is the root.
        file: relative to the project directory.
    """
    return posixpath.normpath(posixpath.join(prefix, file))
