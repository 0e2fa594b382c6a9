"""Finds the commits that the next commit will merge into the current branch."""

from __future__ import annotations

import os
import re
from typing import Final

from envsync.git.repository import Repository
from envsync.model.errors import GitError

_VARIABLE: Final = re.compile("GITHEAD_([0-9a-f]{40,64})")


def merge_heads(repository: Repository) -> dict[str, str]:
    """Returns the commits that are being merged into HEAD, each with its name in messages.

    The result is empty if no merge is in progress. A merge of several branches (an octopus merge)
    has several commits.

    Raises:
        GitError: git's list of these commits cannot be read.
    """
    try:
        ids = (repository.git_dir / "MERGE_HEAD").read_text("ascii").split()
    except FileNotFoundError:
        ids = []
    except (OSError, UnicodeDecodeError) as error:
        raise GitError(
            f"The file {repository.git_dir / 'MERGE_HEAD'} cannot be read: "
            f"{getattr(error, 'strerror', None) or error}. Run `git merge --abort`, or remove "
            "the file."
        ) from error
    heads = dict.fromkeys(ids, "MERGE_HEAD")
    if not heads and repository.is_committing:
        # Git writes MERGE_HEAD only after the hook `pre-merge-commit`. For this hook, `git merge`
        # sets a variable for each branch: the name of the variable contains the commit, and the
        # value is the branch.
        found = ((_VARIABLE.fullmatch(key), value) for key, value in os.environ.items())
        heads = {match[1]: value for match, value in found if match}
    # A hook can run envsync in another repository, which does not contain the commits in the
    # variables of the hook.
    return {
        commit: name
        for commit, name in heads.items()
        if not _is_merged_or_absent(repository, commit)
    }


def _is_merged_or_absent(repository: Repository, commit: str) -> bool:
    if repository.attempt("rev-parse", "--verify", "--quiet", commit + "^{commit}") is None:
        return True
    return repository.attempt("merge-base", "--is-ancestor", commit, "HEAD") is not None
