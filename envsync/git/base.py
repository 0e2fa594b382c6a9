"""Finds the commits that a project is compared with."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from envsync.git.advice import FETCH_ALL
from envsync.git.branches import Branch, target_branch
from envsync.git.merge import merge_heads
from envsync.git.repository import Repository
from envsync.model.errors import GitError

# GitHub, GitLab, Bitbucket, Travis CI and others set CI. Azure Pipelines and Jenkins do not.
_PIPELINE: Final = ("CI", "TF_BUILD", "JENKINS_URL")
_ZEROS: Final = re.compile("0{40}|0{64}")


class Base(Struct, frozen=True):
    """A commit that a project is compared with.

    Attributes:
        commit: the commit id: 40 hex digits, or 64 in a repository that uses SHA-256.
        name: the name of the commit in messages, such as `origin/main`.
    """

    commit: str
    name: str


def find_bases(
    repository: Repository, ref: str | None, is_changed: Callable[[str], bool]
) -> tuple[Base, ...]:
    """Returns the commits that a project is compared with.

    If `ref` is given, the result is the commit of `ref`. Otherwise these commits are the bases:

    - the commits at which the current branch began. Branches that were merged in both directions
      can have several such commits.
    - during a merge, the commits that are being merged.
    - on the default branch, the current commit. If the environments in the work tree are the same
      as in the current commit, the base is the first parent of that commit.

    Args:
        repository: the repository of the project.
        ref: a git revision. Zeros have the same effect as None, because after the push of a new
            branch, pipelines pass zeros instead of an earlier commit.
        is_changed: a function that returns True if an environment differs from its content at a
            commit.

    Returns:
        The bases. The result is empty if HEAD is the first commit, or if there is no commit.

    Raises:
        GitError: there is nothing to compare with, or this clone does not contain the commits.
    """
    head = repository.head
    if ref is not None and not _ZEROS.fullmatch(ref):
        found = repository.commit(ref)
        if found == head and not _has_edits(repository, head, is_changed):
            raise _base_is_head(ref, head)
        return (Base(found, ref),)
    if head is None:
        return ()
    heads = merge_heads(repository)
    branch = target_branch(repository)
    bases = [Base(head, "HEAD")]
    if branch is not None:
        bases = _began(repository, head, branch, merged=list(heads))
    elif repository.is_shallow:
        raise GitError(f"Git cannot find the commit at which this branch began. {FETCH_ALL}")
    known = {base.commit for base in bases}
    bases += [Base(commit, name) for commit, name in heads.items() if commit not in known]
    if [base.commit for base in bases] != [head] or _has_edits(repository, head, is_changed):
        return tuple(bases)
    if branch is not None and branch.is_default:
        # The first commit has no parent, but the work tree of a pipeline can still differ from this
        # commit.
        return _parent(repository, head) or (tuple(bases) if is_changed(head) else ())
    raise _nothing_to_compare(head, branch)


def _has_edits(repository: Repository, head: str, is_changed: Callable[[str], bool]) -> bool:
    """Returns True if a comparison with HEAD can find an edit.

    In a hook of `git commit`, HEAD is the parent of the new commit. So comparing with HEAD is
    correct, even if the new commit changes no environment. In a pipeline, HEAD is the commit to
    check, and edits of the work tree do not count, because an earlier step of the job made them.
    """
    return repository.is_committing or (not _in_pipeline() and is_changed(head))


def _in_pipeline() -> bool:
    """Returns True if this process runs in a CI system, and not on the machine of a developer."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in _PIPELINE)


def _began(
    repository: Repository, head: str, branch: Branch, *, merged: Sequence[str]
) -> list[Base]:
    """Returns the commits at which the current branch began."""
    # With more than two commits, `git merge-base` treats the second and the following commits as
    # if they were already merged. The command fails if there is no common commit.
    out = repository.attempt("merge-base", "--all", branch.ref, head, *merged)
    if out is None:
        hint = "Pass the commit to compare with as `--base`."
        if repository.is_shallow:
            hint = f"This clone is shallow. {FETCH_ALL}"
        raise GitError(f"HEAD and {branch.name} have no commit in common. {hint}")
    return [Base(found, "HEAD" if found == head else branch.name) for found in out.decode().split()]


def _parent(repository: Repository, head: str) -> tuple[Base, ...]:
    """Returns the first parent of the current commit. Empty if HEAD is the first commit."""
    parent = repository.attempt("rev-parse", "--verify", "--quiet", "HEAD~1")
    if parent is not None:
        return (Base(parent.decode().strip(), "HEAD~1"),)
    # At the edge of a shallow clone, git hides the parents of a commit. The commit object still
    # contains the ids of its parents.
    header = repository.run("cat-file", "commit", "HEAD").partition(b"\n\n")[0]
    if b"\nparent " in header:
        raise GitError(
            f"This clone is shallow, and does not contain the parent of the checked-out commit "
            f"{head[:7]}, so there is no commit to compare with. {FETCH_ALL}"
        )
    return ()


def _base_is_head(ref: str, head: str) -> GitError:
    """Returns the error for a base that is the checked-out commit.

    Even on the default branch, this base is an error: `check` compares with exactly the commit in
    `--base`, and a comparison of a commit with itself would accept every edit.
    """
    edited = "" if _in_pipeline() else ", and no environment differs from this commit"
    return GitError(
        f"The base `{ref}` is the checked-out commit {head[:7]}{edited}, so there is nothing to "
        "compare. Leave out `--base`: then a commit of the default branch is compared with its "
        "first parent, and a pull request with its target branch. Or pass an earlier commit, such "
        f"as `--base HEAD~1`. If an earlier commit is missing: {FETCH_ALL}"
    )


def _nothing_to_compare(head: str, branch: Branch | None) -> GitError:
    """Returns the error for a checked-out commit that can only be compared with itself."""
    same = f"no environment differs from the checked-out commit {head[:7]}"
    if _in_pipeline():
        same = f"the checked-out commit {head[:7]} would be compared with itself"
    if branch is not None and branch.variable:
        return GitError(
            f"There is nothing to compare: {same}, and this commit is already in {branch.name}, "
            f"the target branch of the pull request ({branch.variable}). Check out the commit of "
            f"the pull request. {FETCH_ALL}"
        )
    return GitError(
        f"There is nothing to compare: {same}, and git does not say at which commit this branch "
        f"began, because this clone contains no default branch. {FETCH_ALL} Or pass the commit to "
        "compare with as `--base`. If the default branch of the remote has an unusual name, run "
        "`git remote set-head origin --auto`."
    )
