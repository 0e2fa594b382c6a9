"""Reads a git repository: its commits, and changes in the work tree.

Nothing is written to the repository or the work tree. A search for changes can update the index, so
git gets a copy of the index.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from envsync.git.advice import FETCH_ALL
from envsync.git.command import NoGit, explain, git_python, no_repository, run_git
from envsync.git.entry import Entry, parse_entry
from envsync.model.errors import GitError, NoRepository

# The git settings of the user can change the output of `git diff`. These options override the
# settings.
_DIFF_OPTIONS: Final = (
    "--name-only",
    "-z",
    "--no-renames",
    "--no-ext-diff",
    "--no-relative",
    "--ignore-submodules=none",
)


class Repository(Struct, frozen=True):
    """A git repository with a work tree.

    Paths in arguments and results are relative to the top of the work tree, and use `/`. The empty
    path is the top.

    Attributes:
        top: the directory of the work tree, with symbolic links resolved.
        git_dir: the git directory of this work tree, usually `.git`.
        index: the index file of the work tree. In a commit hook, the index file of the new commit.
        head: the checked-out commit, or None before the first commit.
        is_shallow: True if the clone has only the newest commits.
        is_committing: True in a hook that git runs before it creates a commit.
    """

    top: Path
    git_dir: Path
    index: Path
    head: str | None
    is_shallow: bool
    is_committing: bool = False

    def relative(self, path: Path) -> str | None:
        """Returns the resolved path relative to `top`, or None for a path outside of `top`."""
        # `Path.resolve` fails if a link leads to itself.
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self.top):
            return None
        return "" if real == self.top else real.relative_to(self.top).as_posix()

    def relatives(self, paths: Iterable[Path]) -> list[str]:
        """Returns the resolved paths relative to the top. Paths outside of the top are left out."""
        found = (self.relative(path) for path in paths)
        return [path for path in found if path is not None]

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> bytes:
        """Runs a git command and returns its standard output.

        Args:
            arguments: the command and its options.
            data: the standard input.
            environ: more environment variables. These variables override defaults such as
                `GIT_INDEX_FILE`.

        Raises:
            GitError: the command failed. The error explains the message of git.
        """
        status, out, message = self._run(arguments, data=data, environ=environ)
        if status:
            raise explain(message, self.top)
        return out

    def attempt(self, *arguments: str) -> bytes | None:
        """Runs a git command and returns its standard output, or None if the command failed."""
        status, out, _ = self._run(arguments)
        return None if status else out

    def commit(self, ref: str) -> str:
        """Returns the commit of a branch, tag or other git revision.

        Raises:
            GitError: the commit does not exist.
        """
        found = self._commit(ref)
        if found is None:
            hint = "Correct the name, or run `git fetch`."
            if self.is_shallow:
                hint = f"This clone is shallow. {FETCH_ALL}"
            raise GitError(f"The commit `{ref}` does not exist in {self.top}. {hint}")
        return found

    def tree(self, commit: str, paths: Collection[str], *, below: bool = True) -> list[Entry]:
        """Returns the entries of a commit at the given paths.

        If `below` is True, the entries in directories at these paths are returned as well.
        """
        named = () if "" in paths else sorted(paths)
        options = ("-r",) if below else ()
        listing = self.run("ls-tree", *options, "-z", "--full-tree", commit, "--", *named)
        return [parse_entry(line) for line in listing.split(b"\0") if line]

    def changed(self, commit: str, paths: Collection[str]) -> frozenset[str]:
        """Returns the tracked files at or below the given paths, if they differ from a commit."""
        if not paths:
            return frozenset()
        # Imported here, because the import is slow, and `validate` does not need this module.
        import tempfile

        with tempfile.TemporaryDirectory(prefix="envsync-") as directory:
            copy = Path(directory) / "index"
            if self.index.exists():
                # `copy2` keeps the modification time. Git compares this time with the times of the
                # files, to detect files that changed just after the index was written:
                # https://git-scm.com/docs/racy-git
                shutil.copy2(self.index, copy)
            return _paths(
                self.run(
                    "diff",
                    *_DIFF_OPTIONS,
                    commit,
                    "--",
                    *_below(paths),
                    environ={"GIT_INDEX_FILE": str(copy)},
                )
            )

    def untracked(self, paths: Collection[str], *, ignored: bool | None = False) -> frozenset[str]:
        """Returns the untracked files at or below the given paths.

        If `ignored` is True, returns only files that git ignores. If False, returns only files that
        git does not ignore. If None, returns all untracked files.
        """
        if not paths:
            return frozenset()
        options = [] if ignored is None else ["--exclude-standard"]
        if ignored:
            options.append("--ignored")
        command = ("ls-files", "--others", *options, "--full-name", "-z", "--", *_below(paths))
        return _paths(self.run(*command))

    def _run(
        self,
        arguments: tuple[str, ...],
        *,
        data: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes, str]:
        own = {
            "GIT_DIR": str(self.git_dir),
            "GIT_WORK_TREE": str(self.top),
            "GIT_INDEX_FILE": str(self.index),
        }
        return run_git(self.top, arguments, environ={**own, **(environ or {})}, data=data)

    def _commit(self, ref: str) -> str | None:
        # Git would read `-x` as an option, and `^x` as an exclusion of commits.
        if not ref or ref.startswith(("-", "^")) or "\0" in ref:
            return None
        # `^{commit}` resolves an annotated tag to its commit, and refuses trees and blobs.
        out = self.attempt("rev-parse", "--verify", "--quiet", ref + "^{commit}")
        return None if out is None else out.decode().strip()


def find_repository(directory: Path) -> Repository:
    """Finds the git repository that contains a directory.

    Raises:
        NoRepository: the directory is not in a repository.
        GitError: the repository has no work tree, git does not trust the repository, or git is not
            installed.
    """
    try:
        status, out, message = _discover(directory)
    except NoGit:
        # Without git, only a `.git` shows that there is a repository.
        above = (directory.resolve(), *directory.resolve().parents)
        if os.environ.get("GIT_DIR") or any(os.path.lexists(path / ".git") for path in above):
            raise
        raise no_repository(directory) from None
    if status:
        error = explain(message, directory)
        broken = _broken(directory) if isinstance(error, NoRepository) else None
        if broken is not None:
            raise GitError(
                f"Git cannot use the repository of {broken}: a part of it is missing. In a "
                "container, mount the whole repository. A linked work tree and a submodule need "
                "the main repository as well."
            )
        raise error
    lines = os.fsdecode(out).removesuffix("\n").split("\n")
    # `git rev-parse` has no `-z`, so a line break in a path looks like the end of the path.
    if len(lines) not in (3, 4) or lines[2] not in ("true", "false"):
        raise GitError(f"The path {directory} contains a line break. Rename the directory.")
    git_dir, top = Path(lines[0]), Path(lines[1]).resolve()
    index = _index_of_hook(top, git_dir)
    return Repository(
        top=top,
        git_dir=git_dir,
        index=index or git_dir / "index",
        head=lines[3] if len(lines) == 4 else None,
        is_shallow=lines[2] == "true",
        is_committing=index is not None,
    )


def _broken(directory: Path) -> Path | None:
    """Returns the `.git` of an incomplete repository that contains a directory, or None.

    An empty directory `.git` is not a repository.
    """
    for path in (directory.resolve(), *directory.resolve().parents):
        git = path / ".git"
        # In a linked work tree and in a submodule, `.git` is a file with the path of a directory.
        if git.is_file() or os.path.lexists(git / "HEAD"):
            return git
    return None


def _discover(directory: Path) -> tuple[int, bytes, str]:
    """Asks git about the repository of a directory. Returns the result of `run_git`."""
    # With `--revs-only`, git prints no line for HEAD before the first commit.
    facts = ("--absolute-git-dir", "--show-toplevel", "--is-shallow-repository")
    command = ("rev-parse", *facts, "--revs-only", "HEAD^{commit}")
    # Git sets GIT_DIR when it runs a hook. If only GIT_DIR is set, git takes the working directory
    # as the top of the work tree.
    environ = _of_directory(directory) if os.environ.get("GIT_DIR") else {}
    return run_git(directory, command, environ=environ)


def _of_directory(directory: Path) -> dict[str, str]:
    """Returns the environment variables that make git use the repository of a directory."""
    git = git_python()
    try:
        found = git.Repo(directory, search_parent_directories=True, expand_vars=False)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return {}
    with closing(found):
        if found.working_tree_dir is None:
            return {}
        return {"GIT_DIR": str(found.git_dir), "GIT_WORK_TREE": str(found.working_tree_dir)}


def _index_of_hook(top: Path, git_dir: Path) -> Path | None:
    """Returns the path of the index in a commit hook, or None outside of such a hook.

    In a commit hook, git sets `GIT_INDEX_FILE` to the path of the index. A hook of one repository
    can run envsync in another repository. In this case, the variable is ignored.
    """
    named = os.environ.get("GIT_INDEX_FILE")
    if named:
        path = (top / named).resolve()
        if path.parent == git_dir.resolve() and path.exists():
            return path
    return None


def _below(paths: Collection[str]) -> list[str]:
    """Converts paths to arguments of a git command that runs at the top. `.` selects all."""
    return ["."] if "" in paths else sorted(paths)


def _paths(listing: bytes) -> frozenset[str]:
    return frozenset(os.fsdecode(path) for path in listing.split(b"\0") if path)
