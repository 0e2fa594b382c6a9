"""`Provenance`: the reserved tags in which envsync records what it wrote.

The service has no field for an owner, and fixes everything but description and tags at creation.
So envsync keeps its record in tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RESERVED_TAG_PREFIX = "envsync."
"""Prefix of the tags that envsync writes itself. A user's tag may not start with it."""

OWNER_TAG = RESERVED_TAG_PREFIX + "owner"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version comes from, as envsync records it in the reserved tags `envsync.*`.

    Attributes:
        owner: the project that manages the version; None if no project does.
        digest: the digest of the spec from which the version was created.
        source: the file that declares the version, relative to the project directory.
        commit: the git commit that contained this file.
    """

    owner: str | None = None
    digest: str | None = None
    source: str | None = None
    commit: str | None = None

    def as_tags(self) -> dict[str, str]:
        """Returns the reserved tags with these values. Attributes without a value get no tag."""
        tags = {
            OWNER_TAG: self.owner,
            "envsync.digest": self.digest,
            "envsync.source": self.source,
            "envsync.commit": self.commit,
        }
        # An empty tag would only add noise to the list of tags in Azure ML studio.
        return {key: value for key, value in tags.items() if value}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Provenance:
        """The provenance in the tags of a version. Other tags are ignored."""
        return cls(
            owner=tags.get(OWNER_TAG),
            digest=tags.get("envsync.digest"),
            source=tags.get("envsync.source"),
            commit=tags.get("envsync.commit"),
        )


def user_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The user's own tags: all tags of a version without the reserved ones."""
    return {key: value for key, value in tags.items() if not key.startswith(RESERVED_TAG_PREFIX)}
