"""Lists the files of a repository that are searched for references to environments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from envsync.git.absent import find_absent, read_sparse
from envsync.git.repository import Repository, find_repository
from envsync.model.errors import GitError
from envsync.project.references.find import files_below, is_searched


class Listed(Struct, frozen=True):
    """The files of a repository that are searched for references to environments.

    Attributes:
        top: the absolute path of the top of the repository. Without a repository, the project
            directory.
        paths: the absolute paths of the files in the work tree. Ignored files are left out.
        absent: maps an absolute path to the content of a file that a sparse checkout leaves out.
        warning: why the list may be incomplete, as a sentence. Empty if the list is complete.
    """

    top: str
    paths: tuple[str, ...]
    absent: Mapping[str, bytes] = field(default_factory=dict)
    warning: str = ""


def listed(root: Path, repository: Repository | None = None) -> Listed:
    """Returns the files of the repository of a project. Without git, returns all files below `top`.

    Args:
        root: the project directory.
        repository: the repository of the project. If None, the function searches for it.
    """
    try:
        repository = repository or find_repository(root)
        listing = repository.run(
            "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--full-name"
        )
    except GitError:
        # The directory is in no repository, or git cannot be used. So list all files on disk.
        top = _top(root)
        return Listed(top, tuple(files_below(top)))
    # During a merge conflict, the index has several entries for one path.
    names = sorted({os.fsdecode(name) for name in listing.split(b"\0") if name})
    paths = tuple(str(repository.top / name) for name in names if is_searched(name))
    absent, warning = _absent(root, repository)
    return Listed(str(repository.top), paths, absent, warning)


def _is_partial(repository: Repository) -> bool:
    """Returns True if git fetches the content of files only when it is needed."""
    return bool(repository.attempt("config", "--get-regexp", r"^remote\..*\.promisor$"))


def _absent(root: Path, repository: Repository) -> tuple[dict[str, bytes], str]:
    try:
        files = {
            item: str(path)
            for path, item in find_absent(root).files.items()
            if is_searched(item.path)
        }
        if files and _is_partial(repository):
            # Git would send one request for each file, which is slow.
            count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
            return {}, (
                f"References in {count} that this sparse checkout leaves out are unknown, because "
                "the clone is partial (`--filter`). Check the files out to include them."
            )
        return {files[item]: content for item, content in read_sparse(files)}, ""
    except GitError as error:
        return {}, (
            "References in files that are not checked out are unknown, because git cannot read "
            f"these files: {error}"
        )


def _top(root: Path) -> str:
    """Returns the nearest directory that contains a `.git`, at or above the project directory.

    Without such a directory, returns the project directory.
    """
    real = root.resolve()
    above = (path for path in (real, *real.parents) if os.path.lexists(path / ".git"))
    return str(next(above, real))
