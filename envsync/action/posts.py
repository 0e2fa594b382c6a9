"""Texts that the action keeps on GitHub: one comment or issue a place, written anew there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envsync.action.marker import Marker, own
from envsync.action.report import MAX_COMMENT, Text, length

if TYPE_CHECKING:
    from envsync.action.github import GitHub


def body(marker: Marker, text: Text, footer: str) -> str:
    """The whole text of a comment or an issue, as long as GitHub takes it."""
    line = marker.line()
    return line + text(MAX_COMMENT - length(line) - length(footer)) + footer


def keep_comment(
    github: GitHub, number: int, marker: Marker, text: str, *, create: bool
) -> str | None:
    """Writes the comment of a place anew, or a first one if `create`; gives its address."""
    for post in own(github, github.comments(number), marker):
        return github.edit_comment(post.id, text).url
    return github.comment(number, text).url if create else None


def keep_issue(
    github: GitHub, title: str, marker: Marker, text: str, *, wanted: bool
) -> str | None:
    """Opens or updates the issue of a place; closes it where it is not wanted any more."""
    for post in own(github, github.open_issues(), marker):
        return github.edit_issue(post.id, text, close=not wanted).url
    return github.open_issue(title, text).url if wanted else None
