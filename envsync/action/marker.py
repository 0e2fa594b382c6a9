"""`Marker`: the hidden first line of a text that the action wrote, by which it is found again.

It is an HTML comment around one base64 word, so that no name in it, however it is spelt, can end
the comment or look like another marker.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from envsync.model.canonical import canonical_json, sha256_digest

if TYPE_CHECKING:
    from envsync.action.github import GitHub, Post
    from envsync.plan.plan import Plan

MAX_LENGTH: Final = 8_000
"""Characters of a marker. A plan whose changes do not fit is marked by its digest alone."""

_MAX_DATA: Final = 1_000_000
_LINE: Final = re.compile(r"<!-- envsync ([A-Za-z0-9+/=]+) -->(?:\r?\n|\Z)")
_FINGERPRINT: Final = slice(len("sha256:"), len("sha256:") + 12)


@dataclass(frozen=True, slots=True)
class Marker:
    """What a text is about.

    Attributes:
        kind: which command wrote it, or `issue`.
        directory: the input `working-directory`, as a workflow gives it.
        target: the input `target`, as a workflow gives it.
        digest: of the plan that the text shows; empty where it shows none.
        changes: a fingerprint for each change and rejection of that plan, by what it does to what;
            None where there is no room for them.
    """

    kind: str
    directory: str
    target: str
    digest: str = ""
    changes: Mapping[str, str] | None = field(default=None)

    def same_place(self, other: Marker) -> bool:
        """Whether one text takes the place of the other."""
        return (self.kind, self.directory, self.target) == (
            other.kind,
            other.directory,
            other.target,
        )

    def line(self) -> str:
        """The marker as a line of its own."""
        text = self._line(self.changes)
        return text if len(text) <= MAX_LENGTH else self._line(None)

    def _line(self, changes: Mapping[str, str] | None) -> str:
        data = [self.kind, self.directory, self.target, self.digest, changes and dict(changes)]
        packed = zlib.compress(json.dumps(data).encode(), level=9)
        return f"<!-- envsync {base64.b64encode(packed).decode()} -->\n"


def read_marker(body: str) -> Marker | None:
    """The marker that a text begins with; None where it has none that is right."""
    found = _LINE.match(body)
    if found is None:
        return None
    try:
        packed = base64.b64decode(found[1], validate=True)
        data = json.loads(zlib.decompressobj().decompress(packed, _MAX_DATA))
        kind, directory, target, digest, changes = data
    except (binascii.Error, zlib.error, ValueError, TypeError, RecursionError):
        return None
    if not all(isinstance(item, str) for item in (kind, directory, target, digest)):
        return None
    return Marker(kind, directory, target, digest, _changes(changes))


def _changes(data: Any) -> Mapping[str, str] | None:
    return data if isinstance(data, dict) else None


def fingerprints(plan: Plan) -> dict[str, str]:
    """A short digest of each change and rejection, by what it does to what."""
    found = {f"{item.action} {item.address}": item.to_json() for item in plan.changes}
    found |= {f"reject {item.address}": item.to_json() for item in plan.rejections}
    explaining = ("reason", "message", "fix", "source")
    return {
        name: sha256_digest(
            canonical_json({key: item for key, item in data.items() if key not in explaining})
        )[_FINGERPRINT]
        for name, data in found.items()
    }


def own(github: GitHub, posts: Iterable[Post], marker: Marker) -> list[Post]:
    """What the token's owner wrote for a place. A marker that anybody else wrote means nothing."""
    return [
        post
        for post in posts
        if post.author == github.login
        and (found := read_marker(post.body))
        and found.same_place(marker)
    ]
