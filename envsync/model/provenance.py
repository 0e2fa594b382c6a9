"""`Provenance`: the origin of a version, which envsync stores in reserved tags.

The service has no field for an owner. After a version is created, only its description and tags can
change. So envsync stores the owner in tags.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

RESERVED_TAG_PREFIX = "envsync."
"""The prefix of reserved tags, which only envsync writes. Tags in environment files cannot have
this prefix."""

OWNER_TAG = RESERVED_TAG_PREFIX + "owner"


class Provenance(Struct, frozen=True):
    """The origin of a version, which envsync records in the reserved tags `envsync.*`.

    Attributes:
        owner: the project that owns the version. None if the version has no owner.
        digest: the digest of the spec from which the version was created.
        source: the file that declares the version, relative to the project directory.
        commit: the git commit that contained this file.
        applied: the digest of the description and tags that envsync wrote last. See
            `Metadata.digest`. None if the version was written by an old envsync, which did not know
            this tag.
    """

    owner: str | None = None
    digest: str | None = None
    source: str | None = None
    commit: str | None = None
    applied: str | None = None

    def as_tags(self) -> dict[str, str]:
        """Returns one reserved tag for each attribute that has a value."""
        tags = {
            OWNER_TAG: self.owner,
            "envsync.digest": self.digest,
            "envsync.source": self.source,
            "envsync.commit": self.commit,
            "envsync.applied": self.applied,
        }
        # An empty tag would only add noise to the list of tags in Azure ML studio.
        return {key: value for key, value in tags.items() if value}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Provenance:
        """Reads the provenance from the tags of a version. Tags of the user are ignored."""
        return cls(
            owner=tags.get(OWNER_TAG),
            digest=tags.get("envsync.digest"),
            source=tags.get("envsync.source"),
            commit=tags.get("envsync.commit"),
            applied=tags.get("envsync.applied"),
        )


def user_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Returns all tags of a version except the reserved tags."""
    return {key: value for key, value in tags.items() if not key.startswith(RESERVED_TAG_PREFIX)}
