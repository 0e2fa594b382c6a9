"""`Provenance`: what envsync writes on a version about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RESERVED_TAG_PREFIX = "envsync."
"""Tags below this prefix are envsync's own record on a version, never the user's."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What envsync writes on a version about itself, as the reserved tags `envsync.*`.

    Attributes:
        owner: the project that looks after the version; None where envsync does not.
        digest: the digest of the spec it was created from.
        source: the file that declared it, relative to the project directory.
        commit: the git commit that held that file.
    """

    owner: str | None = None
    digest: str | None = None
    source: str | None = None
    commit: str | None = None

    def as_tags(self) -> dict[str, str]:
        """The reserved tags that say this."""
        tags = {
            "envsync.owner": self.owner,
            "envsync.digest": self.digest,
            "envsync.source": self.source,
            "envsync.commit": self.commit,
        }
        return {key: value for key, value in tags.items() if value}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Provenance:
        """What the reserved tags among these say; other tags are passed over."""
        return cls(
            tags.get("envsync.owner"),
            tags.get("envsync.digest"),
            tags.get("envsync.source"),
            tags.get("envsync.commit"),
        )


def user_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """These tags without the reserved ones."""
    return {key: value for key, value in tags.items() if not key.startswith(RESERVED_TAG_PREFIX)}


OWNER_TAG = RESERVED_TAG_PREFIX + "owner"
