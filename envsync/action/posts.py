"""The comments and issues that the action keeps up to date, at most one for each marker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsync.action.markdown import MAX_COMMENT, Markdown, size
from envsync.action.marker import Marker, own_posts

if TYPE_CHECKING:
    from envsync.action.github import GitHub


def post_body(marker: Marker, markdown: Markdown, footer: str) -> str:
    """Returns the complete body of a comment or issue, within GitHub's limit."""
    line = marker.line()
    return line + markdown(MAX_COMMENT - size(line) - size(footer)) + footer


def update_comment(
    github: GitHub, number: int, marker: Marker, *, body: str, create: bool
) -> str | None:
    """Finds the comment that contains the marker, and replaces the body of this comment.

    Args:
        github: the repository.
        number: the number of the pull request.
        marker: the marker of the comment.
        body: the new body.
        create: whether to write a comment if the pull request has none with this marker.

    Returns:
        The URL of the comment, or None if there is no comment.
    """
    for post in own_posts(github, github.comments(number), marker):
        return github.edit_comment(post.id, body).url
    return github.create_comment(number, body).url if create else None


def update_issue(
    github: GitHub, marker: Marker, *, title: str, body: str, needed: bool
) -> str | None:
    """Opens, updates or closes the issue with this marker.

    Args:
        github: the repository.
        marker: the marker of the issue.
        title: the title of a new issue.
        body: the new body.
        needed: True if an issue must be open. If False, the open issue is closed.

    Returns:
        The URL of the issue, or None if there is no issue.
    """
    for post in own_posts(github, github.open_issues(), marker):
        return github.edit_issue(post.id, body, close=not needed).url
    return github.create_issue(title, body).url if needed else None
