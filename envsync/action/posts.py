"""The comments and issues that the action keeps up to date, at most one for each marker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envsync.action.markdown import MAX_COMMENT, Markdown, headed, size
from envsync.action.marker import Marker, own_posts, read_marker

if TYPE_CHECKING:
    from envsync.action.github import GitHub


_SEPARATOR: Final = "\n---\n\n"

_LEAST_ROOM: Final = 10_000
"""Minimum size in bytes for a result that is appended to a comment. If a comment has less room, the
result gets a new comment."""


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
        create: whether to write a comment if no comment has this marker.

    Returns:
        The URL of the comment, or None if there is no comment.
    """
    for post in own_posts(github, github.comments(number), marker):
        return github.edit_comment(post.id, body).url
    return github.create_comment(number, body).url if create else None


def append_to_comment(
    github: GitHub,
    number: int,
    marker: Marker,
    *,
    title: str,
    markdown: Markdown,
    footer: str,
    create: bool,
) -> str | None:
    """Appends a result to the newest comment that contains the marker.

    A comment is a record, so earlier results are never overwritten. If the comment has no room, or
    if another account edited the comment, the result is written to a new comment.

    Args:
        github: the repository.
        number: the number of the pull request.
        marker: the marker of the comment.
        title: the heading of a new comment.
        markdown: the result without a heading.
        footer: the last line of the result.
        create: whether to write a comment if no comment has this marker.

    Returns:
        The URL of the comment, or None if there is no comment.
    """
    posts = own_posts(github, github.comments(number), marker)
    if not (posts or create):
        return None
    if posts:
        written = github.written(posts[-1])
        found = read_marker(written.body)
        room = MAX_COMMENT - size(written.body) - size(_SEPARATOR + footer)
        # Do not repeat text that another account wrote: the account of the action would become the
        # author of the text.
        is_own = written.editor in {None, github.login} and found and found.replaces(marker)
        if is_own and room >= _LEAST_ROOM:
            body = written.body.rstrip() + "\n" + _SEPARATOR + markdown(room) + footer
            return github.edit_comment(posts[-1].id, body).url
    body = post_body(marker, headed(title, markdown), footer)
    return github.create_comment(number, body).url


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
