"""Finds the branch that the current branch will be merged into."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from msgspec import Struct

from envsync.git.advice import FETCH_ALL
from envsync.git.repository import Repository
from envsync.model.errors import GitError

PULL_REQUEST_TARGETS: Final = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
)
"""Environment variables with the target branch of a pull request: GitHub, GitLab, Azure Pipelines,
Bitbucket and Jenkins."""

_DEFAULT_BRANCH: Final = "CI_DEFAULT_BRANCH"
"""The environment variable in which GitLab passes the name of the default branch."""

_USUAL_NAMES: Final = ("main", "master", "trunk", "develop")
_REMOTES: Final = "refs/remotes/"
_HEADS: Final = "refs/heads/"


class Branch(Struct, frozen=True):
    """The branch that the current branch will be merged into.

    Attributes:
        ref: the full name, such as `refs/remotes/origin/main`.
        is_default: True if the branch is the default branch of a remote or of the repository.
        variable: the environment variable that contains the name of the branch, or an empty string.
    """

    ref: str
    is_default: bool = False
    variable: str = ""

    @property
    def name(self) -> str:
        """The name in messages, such as `origin/main`."""
        return self.ref.removeprefix(_REMOTES).removeprefix(_HEADS)


def target_branch(repository: Repository) -> Branch | None:
    """Returns the branch that the current branch will be merged into, or None if it is unknown.

    In a pull request, a variable of the pipeline contains the name of this branch. Otherwise,
    `likely_branch` decides.

    Raises:
        GitError: this clone does not contain the target branch of the pull request.
    """
    for variable in PULL_REQUEST_TARGETS:
        name = os.environ.get(variable, "").removeprefix(_HEADS)
        if name:
            refs = _Refs(repository)
            candidates = [*(refs.of_remote(remote, name) for remote in refs.order), _HEADS + name]
            ref = next(filter(refs.all.__contains__, candidates), None)
            if ref is None:
                raise GitError(
                    f"{variable} is `{name}`, but this clone does not contain the branch `{name}`, "
                    f"so there is no commit to compare with. {FETCH_ALL}"
                )
            return Branch(ref, variable=variable)
    return likely_branch(repository)


def likely_branch(repository: Repository) -> Branch | None:
    """Returns the default branch, or else the upstream branch of the current branch.

    The remote that the current branch follows is preferred. In the clone of a fork, `origin` is
    usually the fork, and the default branch of a fork can be stale.
    """
    refs = _Refs(repository)
    remote = next(filter(refs.all.__contains__, refs.default_of_remotes()), None)
    if remote is not None:
        return Branch(remote, is_default=True)
    follows = refs.upstream if refs.upstream in refs.all else None
    # The upstream branch is usually the pushed copy of the current branch. The current branch can
    # have begun at the upstream branch only if their names differ.
    if follows and refs.branch and not follows.endswith("/" + refs.branch):
        return Branch(follows)
    local = next(filter(refs.all.__contains__, refs.default_of_repository()), None)
    if local is not None:
        return Branch(local, is_default=True)
    return Branch(follows) if follows else None


def lacks_default_branch(repository: Repository) -> bool:
    """Returns True if the clone has a remote, but probably not its default branch.

    `git clone --single-branch --branch NAME` and pipelines make such clones.
    """
    refs = _Refs(repository)
    if not refs.order:
        return False
    if any(refs.of_remote(remote, refs.head(remote)) in refs.all for remote in refs.order):
        return False
    # A clone with several branches of a remote probably has all branches, including the default
    # branch.
    if sum(ref.startswith(_REMOTES) for ref in refs.all) > 1:
        return False
    names = [os.environ.get(_DEFAULT_BRANCH, ""), "main", "master"]
    if refs.has_all_branches:
        names += _USUAL_NAMES
    known = [_HEADS + name for name in names]
    known += [refs.of_remote(remote, name) for remote in refs.order for name in names if name]
    return refs.all.keys().isdisjoint(known)


class _Refs:
    """The branches of a repository and of its remotes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        # `%(HEAD)` is `*` for the current branch. The name of a ref contains no blank.
        fields = "%(HEAD)%(refname) %(symref) %(upstream) %(upstream:remotename)"
        listing = repository.run("for-each-ref", f"--format={fields}", _REMOTES, _HEADS)
        marked = os.fsdecode(listing).split("\n")[:-1]
        lines = [line[1:].split(" ", 3) for line in marked]
        self._current = next((line[1:].split(" ")[0] for line in marked if line[0] == "*"), None)
        # A remote's `HEAD` is a symbolic ref to its default branch. For all other refs, the value
        # is empty.
        self.all: Mapping[str, str] = {ref: symbolic for ref, symbolic, _, _ in lines}
        self._upstreams = {ref: (upstream, remote) for ref, _, upstream, remote in lines}

    def of_remote(self, remote: str, name: str) -> str:
        return f"{_REMOTES}{remote}/{name}"

    @cached_property
    def branch(self) -> str:
        """The name of the current branch; empty if HEAD is detached or has no commit."""
        found = self._current
        if found is None:
            # During a rebase, HEAD is detached, and git keeps the name of the branch in a file.
            for directory in ("rebase-merge", "rebase-apply"):
                file = self._repository.git_dir / directory / "head-name"
                if file.is_file():
                    found = os.fsdecode(file.read_bytes())
        return (found or "").strip().removeprefix(_HEADS)

    @property
    def _follows(self) -> tuple[str, str]:
        """The upstream branch of the current branch, and its remote.

        Both are empty strings if there is no upstream branch.
        """
        return self._upstreams.get(_HEADS + self.branch, ("", ""))

    @property
    def upstream(self) -> str:
        """The full name of the branch that the current branch follows, or an empty string."""
        return self._follows[0]

    @cached_property
    def order(self) -> Sequence[str]:
        """The remotes. The remote that the current branch follows comes first, then `origin`."""
        known = os.fsdecode(self._repository.run("remote")).splitlines()
        # A pipeline can fetch branches of a remote that is not in the settings of the clone.
        known += [
            ref.removeprefix(_REMOTES).partition("/")[0]
            for ref in self.all
            if ref.startswith(_REMOTES)
            and not any(ref.startswith(self.of_remote(remote, "")) for remote in known)
        ]
        first = [remote for remote in (self._follows[1], "origin") if remote in known]
        return tuple(dict.fromkeys([*first, *sorted(known)]))

    @property
    def has_all_branches(self) -> bool:
        """True if `git fetch` fetches every branch of a remote."""
        found = self._repository.attempt("config", "--get-regexp", r"^remote\..*\.fetch$")
        return b"refs/heads/*:" in (found or b"")

    def default_of_remotes(self) -> Iterator[str]:
        """Yields the full names that the default branch of a remote can have, most likely first."""
        if not any(ref.startswith(_REMOTES) for ref in self.all):
            return  # without branches of remotes, the names of the remotes do not matter
        named = {remote: self.head(remote) for remote in self.order}
        for remote in self.order:
            names = [os.environ.get(_DEFAULT_BRANCH, ""), named[remote], *named.values()]
            for name in _without_empty([*names, *_USUAL_NAMES]):
                yield self.of_remote(remote, name)

    def default_of_repository(self) -> Iterator[str]:
        """Yields the full names that a local default branch can have, most likely first."""
        local = [ref for ref in self.all if ref.startswith(_HEADS)]
        yield from (_HEADS + name for name in _USUAL_NAMES)
        # If there is only one branch, and no remote, this branch is the default branch.
        if len(local) == 1 and len(self.all) == 1:
            yield local[0]

    def head(self, remote: str) -> str:
        """Returns the name of the default branch of a remote, or an empty string."""
        symbolic = self.all.get(self.of_remote(remote, "HEAD"), "")
        return symbolic.removeprefix(self.of_remote(remote, ""))


def _without_empty(names: Iterable[str]) -> Iterator[str]:
    return filter(None, dict.fromkeys(names))
