"""The content of a commit in a directory of its own, as a checkout would give it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from envsync.git.repository import Entry, Repository, find_repository
from envsync.model.errors import GitError


def check_out(
    repository: Repository, commit: str, paths: Collection[str], destination: Path
) -> list[Path]:
    """Writes what a commit holds at some paths, below a directory.

    What the work tree holds unchanged is copied from there, so that no filter, line end or
    placeholder of a large file can make a difference between the two. The rest is written by git.

    Args:
        repository: the one that has the commit.
        commit: its id.
        paths: files and directories, relative to the top of the repository; empty for all.
        destination: takes the place of the top of the repository.

    Returns:
        The symbolic links among what was written.

    Raises:
        GitError: an object is missing, as in a submodule that was not fetched.
    """
    entries = repository.tree(commit, paths)
    files = [entry for entry in entries if not entry.is_submodule]
    if files:
        changed = repository.changed(commit, paths)
        rest = [
            entry
            for entry in files
            if entry.path in changed or not _copy(entry, repository.top, destination)
        ]
        _write(repository, commit, rest, destination)
    links = [destination / entry.path for entry in files if entry.is_link]
    for submodule in _submodules(repository, commit, paths, entries):
        links += _check_out_submodule(repository, submodule, paths, destination)
    return links


def above(path: str) -> Iterator[str]:
    """The directories that a path of a repository lies in; the last is the top, which is empty."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def is_below(path: str, directory: str) -> bool:
    """Whether a path of a repository is a directory of it, or lies in that; all lies in the top."""
    return not directory or path == directory or path.startswith(directory + "/")


def _copy(entry: Entry, top: Path, destination: Path) -> bool:
    """Copies a file or a link out of the work tree; tells whether it is there."""
    target = destination / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(top / entry.path, target, follow_symlinks=False)
    except OSError:
        return False  # a sparse work tree leaves it out
    return True


def _write(
    repository: Repository, commit: str, entries: Sequence[Entry], destination: Path
) -> None:
    """Writes entries of a commit with git, which gets an index of its own for them."""
    if not entries:
        return
    destination.mkdir(parents=True, exist_ok=True)
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
            *("update-index", "-z", "--index-info"),
            data=os.fsencode("".join(lines)),
            environ=environ,
        )
        repository.run("checkout-index", "--all", "--force", "--quiet", environ=environ)


def _submodules(
    repository: Repository, commit: str, paths: Collection[str], entries: Sequence[Entry]
) -> list[Entry]:
    """The submodules below some paths, or that these lead into."""
    found = [entry for entry in entries if entry.is_submodule]
    lost = [path for path in paths if not any(is_below(entry.path, path) for entry in entries)]
    directories = {directory for path in lost for directory in above(path)} - {""}
    if directories:
        listing = repository.tree(commit, directories, below=False)
        found += [entry for entry in listing if entry.is_submodule]
    return found


def _check_out_submodule(
    repository: Repository, submodule: Entry, paths: Collection[str], destination: Path
) -> list[Path]:
    """The same for a submodule; one that is not there holds nothing, now as then."""
    top = repository.top / submodule.path
    if not (top / ".git").exists():
        return []
    inner = find_repository(top)
    start = submodule.path + "/"
    wanted = {path.removeprefix(start) for path in paths if path.startswith(start)}
    try:
        commit = inner.commit(submodule.id)
    except GitError as error:
        raise GitError(
            f"The submodule {submodule.path} does not hold its commit {submodule.id[:7]}. Fetch "
            "the whole history of submodules, too."
        ) from error
    return check_out(inner, commit, wanted or {""}, destination / submodule.path)
