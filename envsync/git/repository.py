"""Git: the repository of a project, which commit to compare with, and what changed since.

Everything here reads. Git refreshes its index when it looks for changes, so it gets a copy of the
index for that; nothing is written to the repository or the work tree.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envsync.git.command import explain, git_python, run_git
from envsync.model.errors import GitError

_PULL_REQUEST_TARGETS: Final = ("GITHUB_BASE_REF", "SYSTEM_PULLREQUEST_TARGETBRANCH")
"""Where GitHub and Azure Pipelines name the branch that a pull request is to be merged into."""

_FETCH: Final = (
    "This clone is shallow: fetch the whole history, with `fetch-depth: 0` for actions/checkout, "
    "or with `git fetch --unshallow`."
)


@dataclass(frozen=True, slots=True)
class Base:
    """What to compare with.

    Attributes:
        commit: 40 hex digits (64 in a repository that uses SHA-256); None before the first commit.
        name: what people call it, such as `origin/main`.
    """

    commit: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a commit holds at a path.

    Attributes:
        mode: as git writes it.
        id: of its content; of a submodule, of its commit.
        path: relative to the top of the repository, with `/`.
    """

    mode: str
    id: str
    path: str

    @property
    def is_submodule(self) -> bool:
        """Whether the commit of another repository stands there."""
        return self.mode == "160000"

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == "120000"


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository with a work tree. All paths are relative to its top, with `/`.

    Attributes:
        top: the directory of the work tree, symbolic links resolved.
        git_dir: where git keeps what belongs to this work tree.
        index: the index that counts: during a commit, the one that is being committed.
        is_shallow: whether the clone has only the newest commits.
    """

    top: Path
    git_dir: Path
    index: Path
    is_shallow: bool

    def relative(self, path: Path) -> str | None:
        """A path on disk, symbolic links resolved; empty for the top, None outside."""
        real = path.resolve()
        if not real.is_relative_to(self.top):
            return None
        return "" if real == self.top else real.relative_to(self.top).as_posix()

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> bytes:
        """What a git command prints.

        Args:
            arguments: the command and its options.
            data: its standard input.
            environ: variables beside those that name this repository.

        Raises:
            GitError: it fails; in git's words.
        """
        status, out, message = self._run(arguments, data, environ)
        if status:
            raise explain(message, self.top)
        return out

    def head(self) -> str | None:
        """The commit that is checked out; None before the first one."""
        return self._commit("HEAD")

    def commit(self, ref: str) -> str:
        """The commit that a branch, tag or other expression of git names.

        Raises:
            GitError: there is none.
        """
        found = self._commit(ref)
        if found is None:
            hint = _FETCH if self.is_shallow else "Correct the name, or fetch it with `git fetch`."
            raise GitError(f"There is no commit `{ref}` in {self.top}. {hint}")
        return found

    def base(self, ref: str | None = None) -> Base:
        """The commit to compare with: the one of `ref`, else where the current branch began.

        That is the merge base with the branch that a pull request is for, or with the remote's
        default branch; where there is none, or on that branch itself, what is checked out.

        Raises:
            GitError: there is no such commit, or the clone is too shallow to tell.
        """
        if ref is not None:
            return Base(self.commit(ref), ref)
        head = self.head()
        branch = self.default_branch() if head else None
        if branch is None:
            if head and self.is_shallow:
                raise GitError(f"Git cannot tell where this branch began. {_FETCH}")
            return Base(head, "HEAD")
        status, out, _ = self._run(("merge-base", "HEAD", branch))
        name = branch.removeprefix("refs/remotes/").removeprefix("refs/heads/")
        if status:
            hint = _FETCH if self.is_shallow else "Name a commit with `--base`."
            raise GitError(f"HEAD and {name} have no commit in common. {hint}")
        found = out.decode().strip()
        return Base(found, "HEAD" if found == head else name)

    def tree(self, commit: str, paths: Collection[str], *, below: bool = True) -> list[Entry]:
        """What a commit holds at these paths and, unless `below` is false, below them."""
        named = () if "" in paths else sorted(paths)
        options = ("-r",) if below else ()
        listing = self.run("ls-tree", *options, "-z", "--full-tree", commit, "--", *named)
        return [_entry(line) for line in listing.split(b"\0") if line]

    def changed(self, commit: str, paths: Collection[str]) -> frozenset[str]:
        """The paths, tracked then or now, at which the work tree is not as in a commit."""
        if not paths:
            return frozenset()
        with tempfile.TemporaryDirectory(prefix="envsync-") as directory:
            copy = Path(directory) / "index"
            if self.index.exists():
                # With its time: by that, git knows which entries are too young to be trusted.
                shutil.copy2(self.index, copy)
            return _paths(
                self.run(
                    *("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff"),
                    *("--no-relative", "--ignore-submodules=none", commit, "--", *_below(paths)),
                    environ={"GIT_INDEX_FILE": str(copy)},
                )
            )

    def untracked(self, paths: Collection[str], *, ignored: bool = False) -> frozenset[str]:
        """Files that are in no commit and would be in the next one, or that git ignores."""
        if not paths:
            return frozenset()
        options = ("--ignored",) if ignored else ()
        return _paths(
            self.run(
                *("ls-files", "--others", *options, "--exclude-standard", "-z", "--full-name"),
                *("--", *_below(paths)),
            )
        )

    def _run(
        self,
        arguments: tuple[str, ...],
        data: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes, str]:
        own = {
            "GIT_DIR": str(self.git_dir),
            "GIT_WORK_TREE": str(self.top),
            "GIT_INDEX_FILE": str(self.index),
        }
        return run_git(self.top, arguments, {**own, **(environ or {})}, data)

    def _commit(self, ref: str) -> str | None:
        # A name that starts with a dash would be an option to git; a `^` means all but a commit.
        if not ref or ref.startswith(("-", "^")) or "\0" in ref:
            return None
        status, out, _ = self._run(("rev-parse", "--verify", "--quiet", ref + "^{commit}"))
        return None if status else out.decode().strip()

    def default_branch(self) -> str | None:
        """The full name of the branch that the current one is to be merged into."""
        targets = [
            os.environ.get(name, "").removeprefix("refs/heads/") for name in _PULL_REQUEST_TARGETS
        ]
        leaves = [*filter(None, targets), "HEAD", "main", "master", "trunk", "develop"]
        patterns = [f"refs/remotes/*/{leaf}" for leaf in leaves]
        listing = os.fsdecode(self.run("for-each-ref", "--format=%(refname) %(symref)", *patterns))
        found = {}
        for line in listing.splitlines():
            ref, target = line.split(" ")
            remote, leaf = ref.split("/", 3)[2:]
            found[leaf, remote] = target or ref
        remotes = {remote for _, remote in found}
        upstream = "" if len(remotes) == 1 else self._upstream()
        order = ["origin", *upstream.split("/")[2:3], *sorted(remotes)]
        return next(
            (found[leaf, remote] for leaf in leaves for remote in order if (leaf, remote) in found),
            upstream or None,
        )

    def _upstream(self) -> str:
        """The full name of the branch that the current one follows; empty if it follows none."""
        status, out, _ = self._run(("rev-parse", "--symbolic-full-name", "@{upstream}"))
        return "" if status else os.fsdecode(out).strip()


def find_repository(directory: Path) -> Repository:
    """The repository that a directory lies in.

    Raises:
        GitError: there is none, it has no work tree, git does not trust it, or git is missing.
    """
    # Where a hook runs, GIT_DIR is set, and git takes any directory it is started in for the top.
    environ = _discover(directory) if os.environ.get("GIT_DIR") else {}
    wanted = ("--is-shallow-repository", "--absolute-git-dir", "--show-toplevel")
    status, out, message = run_git(directory, ("rev-parse", *wanted), environ)
    if status:
        raise explain(message, directory)
    lines = os.fsdecode(out).removesuffix("\n").split("\n")
    if len(lines) != len(wanted):
        raise GitError(f"The path of {directory} holds a line break. Move the repository.")
    top, git_dir = Path(lines[2]).resolve(), Path(lines[1])
    return Repository(top, git_dir, _index(top, git_dir), lines[0] == "true")


def _discover(directory: Path) -> dict[str, str]:
    """The variables that name the repository above a directory; none where there is none."""
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
    """The index of a work tree: the one that a hook is told of, if it belongs to this one."""
    named = os.environ.get("GIT_INDEX_FILE")
    if named:
        path = (top / named).resolve()
        if path.parent == git_dir.resolve() and path.exists():
            return path
    return git_dir / "index"


def _below(paths: Collection[str]) -> list[str]:
    """As arguments, that a command that runs at the top takes for paths; `.` is all."""
    return ["."] if "" in paths else sorted(paths)


def _entry(line: bytes) -> Entry:
    facts, _, path = os.fsdecode(line).partition("\t")
    mode, _, object_id = facts.split(" ")
    return Entry(mode, object_id, path)


def _paths(listing: bytes) -> frozenset[str]:
    return frozenset(os.fsdecode(path) for path in listing.split(b"\0") if path)
