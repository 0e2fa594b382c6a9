"""Writes the content of a commit to a directory, as a checkout would."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from envsync.git.entry import Entry
from envsync.git.repository import Repository, find_repository
from envsync.model.errors import GitError


def check_out(
    repository: Repository, commit: str, paths: Collection[str], *, destination: Path
) -> list[Path]:
    """Writes the files of a commit at some paths below a directory.

    Files that are unchanged in the work tree are copied from it. Filters, line ends and
    placeholders for large files then cannot cause a difference. Git writes the other files.

    Args:
        repository: the repository of the commit.
        commit: the commit id.
        paths: files and directories, relative to the top of the repository; `""` for all.
        destination: the directory that replaces the top of the repository.

    Returns:
        The symbolic links among the written files.

    Raises:
        GitError: an object is missing, for example because a submodule was not fetched.
    """
    entries = repository.tree(commit, paths)
    files = [entry for entry in entries if not entry.is_submodule]
    if files:
        changed = repository.changed(commit, paths)
        rest = [
            entry
            for entry in files
            if entry.path in changed or not _copy(entry, repository.top, destination=destination)
        ]
        _write(repository, commit, rest, destination=destination)
    links = [destination / entry.path for entry in files if entry.is_link]
    for submodule in _submodules(repository, commit, paths=paths, entries=entries):
        links += _check_out_submodule(repository, submodule, paths=paths, destination=destination)
    return links


def above(path: str) -> Iterator[str]:
    """Yields the parent directories of a path of a repository, up to the top, which is `""`."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def is_below(path: str, directory: str) -> bool:
    """Returns whether a path is the directory or is below it; every path is below `""`."""
    return not directory or path == directory or path.startswith(directory + "/")


def _copy(entry: Entry, top: Path, *, destination: Path) -> bool:
    """Copies a file or link of the work tree. Returns False if the work tree does not have it."""
    target = destination / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # `follow_symlinks=False` copies a link as a link, as git does.
    try:
        shutil.copyfile(top / entry.path, target, follow_symlinks=False)
    except OSError:
        return False  # a sparse work tree does not have every file
    return True


def _write(
    repository: Repository, commit: str, entries: Sequence[Entry], *, destination: Path
) -> None:
    """Writes entries of a commit with git, through a temporary index."""
    if not entries:
        return
    destination.mkdir(parents=True, exist_ok=True)
    # Git reads `.gitattributes` from the index, and they decide about line ends and filters.
    directories = {directory for entry in entries for directory in above(entry.path)}
    attributes = [f"{directory}/.gitattributes".lstrip("/") for directory in directories]
    listing = {entry.path: entry for entry in repository.tree(commit, attributes)}
    listing |= {entry.path: entry for entry in entries}
    lines = (f"{item.mode} {item.id}\t{path}\0" for path, item in sorted(listing.items()))
    with tempfile.TemporaryDirectory(prefix="envsync-") as directory:
        environ = {
            "GIT_INDEX_FILE": str(Path(directory) / "index"),
            "GIT_WORK_TREE": str(destination),
        }
        repository.run(
            "update-index",
            "-z",
            "--index-info",
            data=os.fsencode("".join(lines)),
            environ=environ,
        )
        repository.run("checkout-index", "--all", "--force", "--quiet", environ=environ)


def _submodules(
    repository: Repository, commit: str, *, paths: Collection[str], entries: Sequence[Entry]
) -> list[Entry]:
    """Returns the submodules that are below some paths, or that contain some of them."""
    # `git ls-tree` does not look into submodules, so a path in one has no entry.
    found = [entry for entry in entries if entry.is_submodule]
    lost = [path for path in paths if not any(is_below(entry.path, path) for entry in entries)]
    directories = {directory for path in lost for directory in above(path)} - {""}
    if directories:
        listing = repository.tree(commit, directories, below=False)
        found += [entry for entry in listing if entry.is_submodule]
    return found


def _check_out_submodule(
    repository: Repository, submodule: Entry, *, paths: Collection[str], destination: Path
) -> list[Path]:
    """Does the same for a submodule. Writes nothing if the submodule is not initialised.

    A submodule that is not initialised has no files in the work tree either.
    """
    top = repository.top / submodule.path
    if not (top / ".git").exists():
        return []
    inner = find_repository(top)
    start = submodule.path + "/"
    wanted = {path.removeprefix(start) for path in paths if path.startswith(start)}
    # A shallow clone of a submodule may lack the commit that an older commit of `repository` needs.
    try:
        commit = inner.commit(submodule.id)
    except GitError as error:
        raise GitError(
            f"The submodule {submodule.path} does not contain its commit {submodule.id[:7]}. Fetch "
            "the complete history of the submodule."
        ) from error
    return check_out(inner, commit, wanted or {""}, destination=destination / submodule.path)
