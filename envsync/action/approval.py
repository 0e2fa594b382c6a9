"""`Approval`: the plan that was reviewed on a pull request, found again after its merge.

Only a comment counts that the token's owner wrote and nobody else edited: anybody can write one
that looks the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envsync.action.marker import Marker, own, read_marker
from envsync.model.errors import EnvsyncError

if TYPE_CHECKING:
    from envsync.action.event import Event
    from envsync.action.github import GitHub

_PAUSES: Final = (2.0, 4.0)
"""Seconds. GitHub takes a moment to know which pull request a new commit came from."""


class NotApproved(EnvsyncError):
    """No plan was reviewed that could be applied now; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A reviewed plan.

    Attributes:
        changes: a fingerprint for each of its changes; None where nobody kept them.
        url: the comment that shows it; empty where there is none.
    """

    digest: str
    changes: Mapping[str, str] | None
    url: str = ""


def merged_number(github: GitHub, event: Event) -> int | None:
    """The pull request whose merge made the commit that the workflow runs on, if one did."""
    if event.number is not None:
        return event.number if event.merged else None
    for pause in (*_PAUSES, None):
        for pull in github.merged_with(event.sha):
            if pull.merge == event.sha and pull.base == event.branch:
                return pull.number
        if pause is not None:
            time.sleep(pause)
    return None


def find_approval(github: GitHub, number: int, place: Marker) -> Approval:
    """The plan that a pull request's comment shows for a place.

    Raises:
        NotApproved: there is none, or it is not to be trusted.
    """
    what = f"target {place.target!r}" if place.target else "the default target"
    where = f"pull request #{number}"
    posts = own(github, github.comments(number), place)
    if not posts:
        raise NotApproved(
            f"{where} has no comment of {github.login} with a plan for {what} in "
            f"{place.directory}. It has to come from `command: plan` with `comment: true` and the "
            "same `target` and `working-directory`."
        )
    if len(posts) > 1:
        raise NotApproved(
            f"{where} has {len(posts)} comments of {github.login} with a plan for {what}, and "
            "nobody can tell which was reviewed. Delete all but one and run this job again."
        )
    text, editor = github.last_edit(posts[0])
    if editor not in {None, github.login}:
        raise NotApproved(f"{posts[0].url} was edited by {editor}, so its plan is not trusted.")
    found = read_marker(text)
    if found is None or not found.same_place(place) or not found.digest:
        raise NotApproved(f"{posts[0].url} shows no plan, but why {where} had none.")
    return Approval(found.digest, found.changes, posts[0].url)
