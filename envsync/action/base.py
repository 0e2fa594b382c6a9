"""Finds the commit that a pull request is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envsync.git.repository import find_repository
from envsync.model.errors import GitError

if TYPE_CHECKING:
    from envsync.action.event import Event


def base_commit(directory: Path, event: Event) -> str:
    """Returns the newest commit in the history of HEAD that is also in the base branch.

    Raises:
        GitError: the checkout does not contain the commit, or is not a git repository.
    """
    repository = find_repository(directory)
    head = repository.head
    # By default, actions/checkout checks out a temporary merge commit. The first parent of the
    # merge commit was the newest commit of the base branch at the time of the event.
    parents = repository.run("rev-list", "--parents", "--max-count=1", "HEAD").split()[1:]
    if head == event.sha and len(parents) == 2:
        return repository.commit(parents[0].decode())
    # The base branch can have newer commits than the branch of the pull request. Changes in newer
    # commits of the base branch are not changes of the pull request.
    base = repository.commit(event.base)
    try:
        return repository.run("merge-base", "HEAD", base).decode().strip()
    except GitError as error:
        raise GitError(
            f"HEAD and the base branch {event.branch} have no commit in common. Fetch the complete "
            "history, with `fetch-depth: 0` for actions/checkout."
        ) from error
