"""`Approval`: the plan that was reviewed before an apply.

After the merge, a workflow finds the plan in a comment on the pull request. The comment is an
approval only if

- the owner of the token wrote the comment, and no other account made its last edit. Otherwise,
  everyone who can write or edit a comment could approve a plan.
- GitHub received the content of the comment before the merge. Otherwise, nobody may have reviewed
  the content: the job with `command: plan` can run again after the merge.
- the plan in the comment was made for this pull request and for the commit that was merged.
  Otherwise, the comment is a copy, or shows a plan for an older commit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from envsync.action.connection import GitHubError
from envsync.action.marker import Marker, own_posts, read_marker
from envsync.model.errors import EnvsyncError

if TYPE_CHECKING:
    from envsync.action.event import Event
    from envsync.action.github import GitHub, PullRequest, Written

_PAUSES: Final = (2.0, 4.0)
"""Seconds to wait between attempts to find the pull request of a commit. After a merge, GitHub
needs a few seconds to link the new commit to its pull request."""

NO_DIGEST: Final = "sha256:" + "0" * 64
"""A digest that no plan has. With this digest, `envsync apply` accepts only an empty plan."""


class NotApproved(EnvsyncError):
    """There is no reviewed plan to apply. The message says why."""


class Approval(Struct, frozen=True):
    """A reviewed plan, or the reason why no plan was reviewed.

    Attributes:
        digest: the digest of the plan. `NO_DIGEST` if no plan was reviewed.
        changes: the fingerprints of the plan; None if only the digest is known.
        url: the URL of the comment that shows the plan; empty if no comment shows it.
        by: sentences that say who approved the plan.
        refusal: why no plan was reviewed; empty if a plan was reviewed.
    """

    digest: str
    changes: Mapping[str, str] | None = None
    url: str = ""
    by: str = ""
    refusal: str = ""

    @classmethod
    def missing(cls, reason: str) -> Approval:
        """Returns an approval that allows only an empty plan."""
        return cls(NO_DIGEST, {}, refusal=reason)


def merged_number(github: GitHub, event: Event) -> int | None:
    """Returns the number of the pull request whose merge created the commit of the event.

    Returns None if no merge of a pull request created the commit.

    Raises:
        NotApproved: GitHub lists several pull requests for the commit. One merge can merge two pull
            requests, if one branch contains the commits of the other branch.
        GitHubError: the API of GitHub cannot be reached, or returns an error.
    """
    # The event `pull_request` of type `closed` contains the number, so no request is necessary.
    if event.number is not None:
        return event.number if event.merged else None
    for pause in (*_PAUSES, None):
        # GitHub lists every pull request that contains the commit. Choose the pull request whose
        # merge created this commit on the branch of the workflow.
        numbers = {
            pull.number
            for pull in github.merged_with(event.sha)
            if pull.merge == event.sha and pull.base == event.branch
        }
        if len(numbers) > 1:
            # Do not choose one of these pull requests. Somebody could open a second pull request
            # with the same commits, to get a plan applied that nobody reviewed.
            names = " and ".join(f"#{number}" for number in sorted(numbers))
            raise NotApproved(
                f"The commit {event.sha[:12]} was made by merging the pull requests {names}, so it "
                "is unknown which plan was reviewed."
            )
        if numbers:
            return numbers.pop()
        if pause is not None:
            time.sleep(pause)
    return None


def ensure_newest(github: GitHub, event: Event, commit: str) -> None:
    """Checks that a repeated run is for the newest commit of its branch.

    Otherwise, everyone who has permission to rerun a workflow could bring back an old state: the
    files of an old commit, with an old approval. The first attempt of a run is allowed for an older
    commit, because the branch can get a newer commit while the run waits for another run.

    Args:
        github: the repository.
        event: the event of the run.
        commit: the commit that the run applies.

    Raises:
        NotApproved: the branch has a newer commit.
        GitHubError: the API of GitHub cannot be reached, or returns an error.
    """
    if event.attempt == 1:
        return
    newest = github.branch_head(event.branch)
    if newest != commit:
        raise NotApproved(
            f"This run was started again for the commit {commit[:12]}, but {event.branch} is now "
            f"at {newest[:12]}. The approval was for an older state of the files."
        )


def find_approval(github: GitHub, pull: PullRequest, marker: Marker) -> Approval:
    """Finds the comment that shows the plan on a pull request, and returns the approved plan.

    Args:
        github: the repository.
        pull: the merged pull request.
        marker: the kind, directory and target of the plan.

    Raises:
        NotApproved: no comment shows the plan, or the comment cannot be trusted.
        GitHubError: the API of GitHub cannot be reached, or returns an error.
    """
    target = f"target {marker.target!r}" if marker.target else "the default target"
    where = f"pull request #{pull.number}"
    posts = own_posts(github, github.comments(pull.number), marker)
    if not posts:
        raise NotApproved(
            f"{where} has no comment of {github.login} with a plan for {target} in "
            f"{marker.directory}. The comment must come from `command: plan` with `comment: true` "
            "and the same `target` and `working-directory`."
        )
    if len(posts) > 1:
        raise NotApproved(
            f"{where} has {len(posts)} comments of {github.login} with a plan for {target}, so it "
            "is unknown which of them was reviewed."
        )
    url = posts[0].url
    written = github.written(posts[0])
    # Without this check, everyone who can edit the comment could approve any plan.
    if written.editor not in {None, github.login}:
        raise NotApproved(f"{url} was edited by {written.editor}, so its plan is not trusted.")
    _ensure_before_merge(url, written, pull)
    found = read_marker(written.body)
    if found is None or not found.replaces(marker) or not found.digest:
        raise NotApproved(f"{url} shows no plan, because planning {where} failed.")
    if found.number != pull.number:
        raise NotApproved(f"{url} shows a plan of another pull request: #{found.number}.")
    if not found.head or found.head != pull.head:
        raise NotApproved(
            f"{url} shows a plan for the commit {found.head[:12] or '(unknown)'}, but the commit "
            f"{pull.head[:12]} was merged."
        )
    made = f" The plan was made for the commit {found.head[:12]} at {found.time}."
    return Approval(found.digest, found.changes, url, by=approvers(github, pull) + made)


def _ensure_before_merge(url: str, written: Written, pull: PullRequest) -> None:
    """Checks that the content of a comment was written before the merge.

    The times of the comment and of the merge are from the clock of GitHub, in whole seconds. The
    clocks of runners can be wrong.
    """
    try:
        before = datetime.fromisoformat(written.at) < datetime.fromisoformat(pull.merged_at)
    except (ValueError, TypeError) as error:
        raise GitHubError(
            f"GitHub returned no valid times: {url} was written at {written.at!r}, and the pull "
            f"request was merged at {pull.merged_at!r}."
        ) from error
    if not before:
        raise NotApproved(
            f"{url} was written or changed at {written.at}, which is not before the merge at "
            f"{pull.merged_at}. So nobody reviewed its plan."
        )


def approvers(github: GitHub, pull: PullRequest) -> str:
    """Returns sentences that say who merged a pull request, and who approved it."""
    by = f" by {pull.merged_by}" if pull.merged_by else ""
    text = f"Approved by merging #{pull.number}{by}."
    try:
        reviews = github.approvals(pull.number)
    except GitHubError:
        # Ignore the error, because the reviews are only shown. The rules of the branch decide which
        # reviews are required.
        return text
    for review in reviews:
        if review.commit == pull.head:
            text += f" Reviewed by {review.author}."
        else:
            text += f" {review.author} reviewed only the older commit {review.commit[:12]}."
    return text
