"""Reads a git repository: its commits, the base of a branch, and changes in the work tree.

Nothing is written to the repository or the work tree. Git can update the index while it searches
for changes, so git gets a copy of the index.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envsync.git.command import explain, git_python, run_git
from envsync.git.entry import Entry, parse_entry
from envsync.model.errors import GitError

_PULL_REQUEST_TARGETS: Final = ("GITHUB_BASE_REF", "SYSTEM_PULLREQUEST_TARGETBRANCH")
"""Environment variables of GitHub and Azure Pipelines with the target branch of a pull request."""

# The git settings of the user can change the output of `git diff`. These options override them.
_DIFF_OPTIONS: Final = (
    "--name-only",
    "-z",
    "--no-renames",
    "--no-ext-diff",
    "--no-relative",
    "--ignore-submodules=none",
)

_FETCH: Final = (
    "This clone is shallow. Fetch the complete history: with `fetch-depth: 0` for "
    "actions/checkout, or with `git fetch --unshallow`."
)


@dataclass(frozen=True, slots=True)
class Base:
    """The commit that a project is compared with.

    Attributes:
        commit: the commit id: 40 hex digits, or 64 in a repository that uses SHA-256. None before
            the first commit.
        name: the name of the commit in messages, such as `origin/main`.
    """

    commit: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository with a work tree.

    Paths in arguments and results are relative to the top of the work tree, and use `/`. The empty
    path is the top.

    Attributes:
        top: the directory of the work tree, with symbolic links resolved.
        git_dir: the git directory of this work tree, usually `.git`.
        index: the index file of the work tree. In a commit hook, the index file of the new commit.
        is_shallow: True if the clone has only the newest commits.
    """

    top: Path
    git_dir: Path
    index: Path
    is_shallow: bool

    def relative(self, path: Path) -> str | None:
        """Returns the resolved path relative to the top, or None if it is outside of `top`."""
        real = path.resolve()
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
            environ: more environment variables. They override defaults such as `GIT_INDEX_FILE`.

        Raises:
            GitError: the command failed. The error explains the message of git.
        """
        status, out, message = self._run(arguments, data=data, environ=environ)
        if status:
            raise explain(message, self.top)
        return out

    def head(self) -> str | None:
        """Returns the checked-out commit, or None before the first commit."""
        return self._commit("HEAD")

    def commit(self, ref: str) -> str:
        """Returns the commit of a branch, tag or other git revision.

        Raises:
            GitError: the commit does not exist.
        """
        found = self._commit(ref)
        if found is None:
            hint = _FETCH if self.is_shallow else "Correct the name, or run `git fetch`."
            raise GitError(f"The commit `{ref}` does not exist in {self.top}. {hint}")
        return found

    def base(self, ref: str | None = None) -> Base:
        """Returns the commit to compare with.

        If `ref` is given, the base is the commit of `ref`. Otherwise, the base is the merge base of
        HEAD and the branch from `default_branch`. Without a default branch, the base is HEAD.

        Raises:
            GitError: the commit does not exist, the two branches have no common commit, or the
                clone is too shallow to find the common commit.
        """
        if ref is not None:
            return Base(self.commit(ref), ref)
        head = self.head()
        branch = self.default_branch() if head else None
        if branch is None:
            if head and self.is_shallow:
                raise GitError(f"Git cannot find the commit at which this branch began. {_FETCH}")
            return Base(head, "HEAD")
        # `git merge-base` fails if it finds no common commit. A shallow clone can lack the common
        # commit.
        status, out, _ = self._run(("merge-base", "HEAD", branch))
        name = branch.removeprefix("refs/remotes/").removeprefix("refs/heads/")
        if status:
            hint = _FETCH if self.is_shallow else "Pass the commit to compare with as `--base`."
            raise GitError(f"HEAD and {name} have no commit in common. {hint}")
        found = out.decode().strip()
        return Base(found, "HEAD" if found == head else name)

    def tree(self, commit: str, paths: Collection[str], *, below: bool = True) -> list[Entry]:
        """Returns the entries of a commit at the paths and, if `below` is True, below them."""
        named = () if "" in paths else sorted(paths)
        options = ("-r",) if below else ()
        listing = self.run("ls-tree", *options, "-z", "--full-tree", commit, "--", *named)
        return [parse_entry(line) for line in listing.split(b"\0") if line]

    def changed(self, commit: str, paths: Collection[str]) -> frozenset[str]:
        """Returns the tracked files at or below the given paths that differ from a commit."""
        if not paths:
            return frozenset()
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

    def untracked(self, paths: Collection[str], *, ignored: bool = False) -> frozenset[str]:
        """Returns the untracked files at or below the given paths.

        If `ignored` is True, returns only files that git ignores. If False, returns only files that
        git does not ignore.
        """
        if not paths:
            return frozenset()
        options = ["--exclude-standard", "--full-name", "-z"]
        if ignored:
            options.append("--ignored")
        return _paths(self.run("ls-files", "--others", *options, "--", *_below(paths)))

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
        status, out, _ = self._run(("rev-parse", "--verify", "--quiet", ref + "^{commit}"))
        return None if status else out.decode().strip()

    def default_branch(self) -> str | None:
        """Returns the full name of the branch that HEAD will be merged into, or None if unknown."""
        targets = [
            os.environ.get(name, "").removeprefix("refs/heads/") for name in _PULL_REQUEST_TARGETS
        ]
        leaves = [*filter(None, targets), "HEAD", "main", "master", "trunk", "develop"]
        patterns = [f"refs/remotes/*/{leaf}" for leaf in leaves]
        listing = os.fsdecode(self.run("for-each-ref", "--format=%(refname) %(symref)", *patterns))
        # A remote's `HEAD` is a symbolic ref to its default branch, so `target` is the branch.
        found = {}
        for line in listing.splitlines():
            ref, target = line.split(" ")
            remote, leaf = ref.split("/", 3)[2:]
            found[leaf, remote] = target or ref
        remotes = {remote for _, remote in found}
        upstream = "" if len(remotes) == 1 else self._upstream()
        # `refs/remotes/<remote>/<branch>`: the third part is the name of the remote.
        order = ["origin", *upstream.split("/")[2:3], *sorted(remotes)]
        return next(
            (found[leaf, remote] for leaf in leaves for remote in order if (leaf, remote) in found),
            upstream or None,
        )

    def _upstream(self) -> str:
        """Returns the full name of the upstream branch, or an empty string."""
        status, out, _ = self._run(("rev-parse", "--symbolic-full-name", "@{upstream}"))
        return "" if status else os.fsdecode(out).strip()


def find_repository(directory: Path) -> Repository:
    """Finds the git repository that contains a directory.

    Raises:
        GitError: the directory is not in a repository, the repository has no work tree, git does
            not trust the repository, or git is not installed.
    """
    # Git sets GIT_DIR when it runs a hook. If only GIT_DIR is set, git takes the working directory
    # as the top of the work tree.
    environ = _discover(directory) if os.environ.get("GIT_DIR") else {}
    wanted = ("--is-shallow-repository", "--absolute-git-dir", "--show-toplevel")
    status, out, message = run_git(directory, ("rev-parse", *wanted), environ=environ)
    if status:
        raise explain(message, directory)
    lines = os.fsdecode(out).removesuffix("\n").split("\n")
    # `git rev-parse` has no `-z`, so a line break in a path looks like the end of the path.
    if len(lines) != len(wanted):
        raise GitError(f"The path {directory} contains a line break. Rename the directory.")
    top, git_dir = Path(lines[2]).resolve(), Path(lines[1])
    return Repository(
        top=top, git_dir=git_dir, index=_index(top, git_dir), is_shallow=lines[0] == "true"
    )


def _discover(directory: Path) -> dict[str, str]:
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


def _index(top: Path, git_dir: Path) -> Path:
    """Returns the path of the index of a work tree.

    In a commit hook, git sets `GIT_INDEX_FILE` to the path of the index. A hook of one repository
    can run envsync in another repository. Then the variable is ignored.
    """
    named = os.environ.get("GIT_INDEX_FILE")
    if named:
        path = (top / named).resolve()
        if path.parent == git_dir.resolve() and path.exists():
            return path
    return git_dir / "index"


def _below(paths: Collection[str]) -> list[str]:
    """Converts paths to arguments of a git command that runs at the top. `.` selects all."""
    return ["."] if "" in paths else sorted(paths)


def _paths(listing: bytes) -> frozenset[str]:
    return frozenset(os.fsdecode(path) for path in listing.split(b"\0") if path)
