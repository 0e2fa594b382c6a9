"""Finds the repository of a new project: its top directory and its default branch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from msgspec import Struct

from envsync.git.repository import Repository, find_repository
from envsync.model.errors import GitError

_USUAL: Final = ("main", "master", "trunk", "develop")
"""Usual names of default branches, in the order of the search."""


class Layout(Struct, frozen=True):
    """The position of a project in its git repository, and the default branch.

    Attributes:
        top: the top directory of the repository, with symbolic links resolved.
        below: the path of the project directory relative to `top`, with `/`. Empty if the project
            directory is `top`.
        branch: the default branch, such as `main`.
    """

    top: Path
    below: str
    branch: str


def layout_of(directory: Path) -> Layout | None:
    """Returns the layout of a directory, or None if the directory is not in a git repository.

    The directory and its parents do not have to exist.

    Raises:
        GitError: the directory is in a repository, but git cannot read the repository.
    """
    directory = directory.resolve()
    existing = next(path for path in (directory, *directory.parents) if path.is_dir())
    if not any((path / ".git").exists() for path in (existing, *existing.parents)):
        return None
    repository = find_repository(existing)
    below = directory.relative_to(repository.top).as_posix()
    return Layout(repository.top, "" if below == "." else below, _branch(repository))


def _branch(repository: Repository) -> str:
    """Returns the default branch of the remote or, without a remote, of the repository."""
    listing = _output(repository, "for-each-ref", "--format=%(refname) %(symref)", "refs/")
    references = {name: ref for name, _, ref in (x.partition(" ") for x in listing.splitlines())}
    remotes = [name for name in references if name.startswith("refs/remotes/")]
    # `origin` is the usual name of the remote that a repository was cloned from.
    remotes.sort(key=lambda name: not name.startswith("refs/remotes/origin/"))
    # A clone stores the default branch of the remote in the symbolic reference HEAD.
    for name in remotes:
        if name.endswith("/HEAD") and references[name]:
            return _short(references[name])
    for name in (*remotes, *references):
        if name.startswith(("refs/remotes/", "refs/heads/")) and _short(name) in _USUAL:
            return _short(name)
    # Before the first commit, HEAD contains the name of a branch that does not exist yet.
    current = _output(repository, "symbolic-ref", "--quiet", "--short", "HEAD")
    return current or _output(repository, "config", "init.defaultBranch") or _USUAL[0]


def _output(repository: Repository, *arguments: str) -> str:
    """Returns the output of a git command, or an empty text if the command fails."""
    try:
        return os.fsdecode(repository.run(*arguments)).strip()
    except GitError:
        return ""


def _short(reference: str) -> str:
    """Returns the name of a branch from `refs/heads/NAME` or `refs/remotes/REMOTE/NAME`."""
    parts = 2 if reference.startswith("refs/heads/") else 3
    return reference.split("/", parts)[parts]
