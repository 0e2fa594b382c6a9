"""`Approval`: the plan that was reviewed on a pull request.

After the merge, a workflow finds the plan in a comment on the pull request.

A comment is an approval only if the owner of the token wrote the comment and no other account
edited it. Otherwise, everyone who can write a comment could approve a plan.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envsync.action.marker import Marker, own_posts, read_marker
from envsync.model.errors import EnvsyncError

if TYPE_CHECKING:
    from envsync.action.event import Event
    from envsync.action.github import GitHub

_PAUSES: Final = (2.0, 4.0)
"""Seconds to wait between attempts to find the pull request of a commit. After a merge, GitHub
needs a few seconds to link the new commit to its pull request."""


class NotApproved(EnvsyncError):
    """There is no reviewed plan to apply. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A reviewed plan.

    Attributes:
        digest: the digest of the plan.
        changes: the result of `fingerprints` for the plan; None if only the digest is known.
        url: the URL of the comment that shows the plan; empty if no comment shows it.
    """

    digest: str
    changes: Mapping[str, str] | None
    url: str = ""


def merged_number(github: GitHub, event: Event) -> int | None:
    """Returns the number of the pull request whose merge created the commit of the event.

    Returns None if no merge of a pull request created the commit.

    Raises:
        GitHubError: the API of GitHub cannot be reached, or returns an error.
    """
    # The event `pull_request` of type `closed` contains the number, so no request is necessary.
    if event.number is not None:
        return event.number if event.merged else None
    for pause in (*_PAUSES, None):
        for pull in github.merged_with(event.sha):
            # GitHub lists every pull request that contains the commit. Choose the pull request
            # whose merge created this commit, on the branch that the workflow runs for.
            if pull.merge == event.sha and pull.base == event.branch:
                return pull.number
        if pause is not None:
            time.sleep(pause)
    return None


def find_approval(github: GitHub, number: int, marker: Marker) -> Approval:
    """Finds the comment that shows the plan on a pull request, and returns the approved plan.

    Args:
        github: the repository.
        number: the number of the pull request.
        marker: the kind, directory and target of the plan.

    Raises:
        NotApproved: no comment shows the plan, or the comment cannot be trusted.
        GitHubError: the API of GitHub cannot be reached, or returns an error.
    """
    target = f"target {marker.target!r}" if marker.target else "the default target"
    where = f"pull request #{number}"
    posts = own_posts(github, github.comments(number), marker)
    if not posts:
        raise NotApproved(
            f"{where} has no comment of {github.login} with a plan for {target} in "
            f"{marker.directory}. The comment must come from `command: plan` with `comment: true` "
            "and the same `target` and `working-directory`."
        )
    if len(posts) > 1:
        raise NotApproved(
            f"{where} has {len(posts)} comments of {github.login} with a plan for {target}, so it "
            "is unknown which of them was reviewed. Delete all but one and run this job again."
        )
    # Read the body and its last editor in one request, because another account can edit the comment
    # after `comments` has returned it.
    body, editor = github.last_edit(posts[0])
    # Without this check, everyone who can edit the comment could approve any plan.
    if editor not in {None, github.login}:
        raise NotApproved(
            f"{posts[0].url} was edited by {editor}, so its plan is not trusted. Review a new "
            "plan, and run this workflow manually with the digest of the new plan as `approve`."
        )
    found = read_marker(body)
    if found is None or not found.replaces(marker) or not found.digest:
        raise NotApproved(
            f"{posts[0].url} shows no plan: planning {where} failed. Correct the files in another "
            "pull request."
        )
    return Approval(found.digest, found.changes, posts[0].url)
