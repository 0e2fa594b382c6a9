"""Finds files and submodules that git has, but that are not in the work tree.

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
    """The files and submodules that git has, but that are not in the work tree.

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
    # Starting git takes longer than validating a small project.
    if not _may_be_absent(root):
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
    """Returns True if a path is below an environments directory, or contains one.

    Args:
        path: an absolute path, with symbolic links resolved.
        directories: the environments directories.
    """
    tops = map(os.path.realpath, directories)
    return any(is_within(str(path), top) or is_within(top, str(path)) for top in tops)


def read_sparse(files: Iterable[SparseFile]) -> Iterator[tuple[SparseFile, bytes]]:
    """Yields the content of files that a sparse checkout leaves out.

    Raises:
        GitError: the content is missing in this clone.
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


def _may_be_absent(root: Path) -> bool:
    """Returns False if the index shows that no file and no submodule can be absent.

    Reads the index without git, because git is not always installed.
    """
    if os.environ.get("GIT_DIR"):
        return True
    root = root.resolve()
    for directory in (root, *root.parents):
        git = directory / ".git"
        if os.path.lexists(git):
            try:
                if not git.is_dir():
                    git = directory / git.read_text("utf-8").partition("gitdir:")[2].strip()
                index = (git / "index").read_bytes()
                split = any(git.glob("sharedindex.*"))
            except FileNotFoundError:
                return False  # nothing was ever added to the index
            except (OSError, ValueError):
                return True
            # An index of version 2 cannot store the skip-worktree bit. The mode of a submodule is
            # 0xe000: https://git-scm.com/docs/index-format
            return split or index[:8] != b"DIRC\0\0\0\2" or b"\0\0\xe0\0" in index
    return False
