"""`Marker`: a hidden first line by which the action recognises its comments and issues.

A marker is an HTML comment that contains one base64 word. All names are encoded in this word, so no
name can end the HTML comment or imitate another marker.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from envsync.action.github import GitHub
    from envsync.action.post import Post

MAX_LENGTH: Final = 16_000
"""Maximum length of a marker in characters. If the fingerprints of a plan do not fit, the marker
contains only the digest of the plan."""

# Anybody can write a comment that looks like a marker and contains compressed data. Decompression
# can make the data a thousand times larger.
_MAX_DATA: Final = 1_000_000
"""Maximum size in bytes of the JSON in a marker, after decompression."""

# GitHub's web editor saves comments with CRLF.
_LINE: Final = re.compile(r"<!-- envsync ([A-Za-z0-9+/=]+) -->(?:\r?\n|\Z)")


class Marker(Struct, frozen=True):
    """Facts about a plan, hidden in a comment or an issue for later workflow runs.

    Attributes:
        kind: the command that wrote the comment; `issue` for an issue.
        directory: the input `working-directory` of the workflow.
        target: the input `target` of the workflow.
        digest: the digest of the plan; empty if there is no plan.
        changes: the fingerprints of the plan; None if there is no plan, or if the marker would be
            too long with the fingerprints.
        number: the number of the pull request; None for an issue.
        head: the newest commit of the pull request when the plan was made.
        time: when the plan was made, in UTC. This time is only for display, because the clock of a
            runner can be wrong.
    """

    kind: str
    directory: str
    target: str
    digest: str = ""
    changes: Mapping[str, str] | None = field(default=None)
    number: int | None = None
    head: str = ""
    time: str = ""

    def replaces(self, other: Marker) -> bool:
        """Returns True if both markers have the same kind, directory and target."""
        return (self.kind, self.directory, self.target) == (
            other.kind,
            other.directory,
            other.target,
        )

    def line(self) -> str:
        """Returns the marker as a line of text, with its line break."""
        complete = self._line(self.changes)
        return complete if len(complete) <= MAX_LENGTH else self._line(None)

    def _line(self, changes: Mapping[str, str] | None) -> str:
        place = [self.kind, self.directory, self.target, self.number]
        data = [*place, self.head, self.time, self.digest, changes and dict(changes)]
        # Without compression, the fingerprints of a large plan would be too long for a comment.
        packed = zlib.compress(json.dumps(data).encode(), level=9)
        return f"<!-- envsync {base64.b64encode(packed).decode()} -->\n"


def read_marker(body: str) -> Marker | None:
    """Returns the marker at the beginning of a comment, or None if there is no valid marker."""
    found = _LINE.match(body)
    if found is None:
        return None
    try:
        packed = base64.b64decode(found[1], validate=True)
        data = json.loads(zlib.decompressobj().decompress(packed, _MAX_DATA))
        kind, directory, target, number, head, time, digest, changes = data
    # `json.loads` raises RecursionError if the JSON is nested too deeply.
    except (binascii.Error, zlib.error, ValueError, TypeError, RecursionError):
        return None
    strings = (kind, directory, target, head, time, digest)
    if not all(isinstance(item, str) for item in strings) or not _is_number(number):
        return None
    return Marker(
        kind,
        directory,
        target,
        digest=digest,
        changes=_changes(changes),
        number=number,
        head=head,
        time=time,
    )


def _is_number(data: Any) -> bool:
    return data is None or type(data) is int


def _changes(data: Any) -> Mapping[str, str] | None:
    if isinstance(data, dict) and all(isinstance(item, str) for item in data.values()):
        return data
    return None


def own_posts(github: GitHub, posts: Iterable[Post], marker: Marker) -> list[Post]:
    """Returns the posts with this marker that the owner of the token wrote.

    Posts of other authors are ignored: anybody can copy a marker.
    """
    return [
        post
        for post in posts
        if post.author == github.login
        and (found := read_marker(post.body))
        and found.replaces(marker)
    ]
