"""Finds files and submodules that are in git, but not in the work tree.

A sparse checkout leaves files out, and a submodule is empty until it is fetched. In both cases,
files are missing in the work tree although nobody has deleted them. See
https://git-scm.com/docs/git-sparse-checkout
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from envsync.git.repository import Repository, find_repository
from envsync.git.skipped import may_skip
from envsync.project.files import is_within


class SparseFile(Struct, frozen=True):
    """A file that a sparse checkout leaves out.

    Attributes:
        repository: the repository of the file.
        path: the path relative to the top of that repository.
        id: the object id of the content.
    """

    repository: Repository
    path: str
    id: str


class Absent(Struct, frozen=True):
    """The files and submodules that are in git, but not in the work tree.

    Submodules of a submodule are included. Paths are absolute, with symbolic links resolved.

    Attributes:
        files: the files that a sparse checkout leaves out.
        submodules: the submodules that are not checked out, each with the repository that contains
            the submodule.
    """

    files: Mapping[Path, SparseFile] = field(default_factory=dict)
    submodules: Mapping[Path, Repository] = field(default_factory=dict)

    def submodule_of(self, path: Path) -> Path | None:
        """Returns the submodule in `submodules` that contains a path, or None."""
        return next((item for item in (path, *path.parents) if item in self.submodules), None)


def find_absent(root: Path) -> Absent:
    """Returns the files and submodules of a project's repository that are not checked out.

    The repositories of submodules are searched as well.

    Args:
        root: the project directory.

    Raises:
        GitError: the index has sparse files or submodules, and git fails to list them.
    """
    # Starting git takes longer than validating a small project, so start git only if necessary.
    if not may_skip(root):
        return Absent()
    files: dict[Path, SparseFile] = {}
    submodules: dict[Path, Repository] = {}
    waiting = [find_repository(root)]
    while waiting:
        repository = waiting.pop()
        for tag, mode, object_id, path in _index(repository):
            real = repository.top / path
            # The tag `S` means that the entry has the skip-worktree bit.
            if tag == "S" and not os.path.lexists(real):
                files[real] = SparseFile(repository, path, object_id)
            # 160000 is the mode of a submodule. After a checkout, the directory of the submodule
            # contains `.git`.
            elif mode == "160000":
                if os.path.lexists(real / ".git"):
                    waiting.append(find_repository(real))
                else:
                    submodules[real] = repository
    return Absent(files, submodules)


def is_searched(path: Path, directories: Iterable[Path]) -> bool:
    """Returns True if a path is below an environments directory, or contains such a directory.

    Args:
        path: an absolute path, with symbolic links resolved.
        directories: the environments directories.
    """
    tops = map(os.path.realpath, directories)
    return any(is_within(str(path), top) or is_within(top, str(path)) for top in tops)


def read_sparse(files: Iterable[SparseFile]) -> Iterator[tuple[SparseFile, bytes]]:
    """Yields files that a sparse checkout leaves out, each with its content.

    Raises:
        GitError: the content of a file is missing in this clone.
    """
    groups: dict[Path, list[SparseFile]] = {}
    for item in files:
        groups.setdefault(item.repository.top, []).append(item)
    for group in groups.values():
        ids = "".join(f"{item.id}\n" for item in group).encode()
        # `git cat-file --batch` prints a line `<id> <type> <size>`, the content and a line feed.
        stream = io.BytesIO(group[0].repository.run("cat-file", "--batch", data=ids))
        for item in group:
            yield item, stream.read(int(stream.readline().split()[2]))
            stream.read(1)


def _index(repository: Repository) -> Iterator[tuple[str, str, str, str]]:
    """Yields tag, mode, object id and path of each entry of an index."""
    # An entry is `<tag> <mode> <id> <stage>\t<path>`: https://git-scm.com/docs/git-ls-files
    for line in repository.run("ls-files", "-t", "--stage", "-z").split(b"\0"):
        if line:
            facts, _, path = os.fsdecode(line).partition("\t")
            tag, mode, object_id, _ = facts.split(" ")
            yield tag, mode, object_id, path
