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
    """Writes files of a commit to a directory: all files at or below `paths`.

    Files that are unchanged in the work tree are copied from the work tree. So filters (such as Git
    LFS) and line ends cannot cause a difference in these files. Git writes all other files.

    Args:
        repository: the repository of the commit.
        commit: the commit id.
        paths: files and directories, relative to the top of the repository. `""` selects every
            file.
        destination: the directory to write to, which corresponds to the top of the repository.

    Returns:
        The paths of the written symbolic links.

    Raises:
        GitError: an object is missing, for example because a submodule was not fetched.
    """
    # To write files correctly, git needs the `.gitattributes` files of their parent directories.
    named = {*paths}
    attributes = {
        item
        for item in map(_attributes, {directory for path in paths for directory in above(path)})
        if named.isdisjoint((item, *above(item)))
    }
    listing = repository.tree(commit, named | attributes)
    entries = [entry for entry in listing if entry.path not in attributes]
    files = [entry for entry in entries if not entry.is_submodule]
    if files:
        changed = repository.changed(commit, paths)
        rest = [
            entry
            for entry in files
            if entry.path in changed or not _copy(entry, repository.top, destination=destination)
        ]
        _write(repository, rest, listing, destination=destination)
    links = [destination / entry.path for entry in files if entry.is_link]
    for submodule in _submodules(repository, commit, paths=paths, entries=entries):
        links += _check_out_submodule(repository, submodule, paths=paths, destination=destination)
    return links


def above(path: str) -> Iterator[str]:
    """Yields the parent directories of a path in a repository. The last directory is `""`."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def is_below(path: str, directory: str) -> bool:
    """Returns True if a path is equal to or below a directory. Every path is below `""`."""
    return not directory or path == directory or path.startswith(directory + "/")


def _copy(entry: Entry, top: Path, *, destination: Path) -> bool:
    """Copies a file or link from the work tree. Returns False if the work tree lacks the file."""
    target = destination / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # `follow_symlinks=False` copies a link as a link, as git does.
    try:
        shutil.copyfile(top / entry.path, target, follow_symlinks=False)
    except OSError:
        return False  # a sparse checkout does not contain every file
    return True


def _attributes(directory: str) -> str:
    return f"{directory}/.gitattributes".lstrip("/")


def _write(
    repository: Repository,
    entries: Sequence[Entry],
    listing: Sequence[Entry],
    *,
    destination: Path,
) -> None:
    """Writes entries of a commit. Git reads the entries from a temporary index.

    Args:
        repository: the repository of the commit.
        entries: the files and links to write.
        listing: the entries of the commit that git listed, including the `.gitattributes` files.
        destination: the directory to write to.
    """
    if not entries:
        return
    destination.mkdir(parents=True, exist_ok=True)
    # The index must contain the `.gitattributes` files, which control line ends and filters.
    directories = {directory for entry in entries for directory in above(entry.path)}
    attributes = set(map(_attributes, directories))
    needed = {entry.path: entry for entry in listing if entry.path in attributes}
    needed |= {entry.path: entry for entry in entries}
    lines = (f"{item.mode} {item.id}\t{path}\0" for path, item in sorted(needed.items()))
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
    """Returns the submodules at, below or above the given paths."""
    # `git ls-tree` does not enter submodules, so it lists no entry for a path in a submodule.
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
    """Writes the files of a submodule, and returns the paths of its symbolic links.

    A submodule that is not initialised is skipped, because none of its files are in the work tree.
    """
    top = repository.top / submodule.path
    if not (top / ".git").exists():
        return []
    inner = find_repository(top)
    start = submodule.path + "/"
    wanted = {path.removeprefix(start) for path in paths if path.startswith(start)}
    # A shallow clone of a submodule may lack the commit that the outer repository refers to.
    try:
        commit = inner.commit(submodule.id)
    except GitError as error:
        raise GitError(
            f"The clone of the submodule {submodule.path} lacks the commit {submodule.id[:7]}. "
            "Fetch the complete history of the submodule."
        ) from error
    return check_out(inner, commit, wanted or {""}, destination=destination / submodule.path)
