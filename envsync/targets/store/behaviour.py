"""`Behaviour`: how a store answers the questions that the service's documentation leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One answer to each question. The defaults are those of the local target.

    Attributes:
        tags: whether writing tags replaces all of them or adds to them.
        omitted: whether a description or tags that a write leaves out stay, or are cleared.
        restore: whether restoring a container keeps archived what was archived on its own, or
            restores all versions.
        archive_hidden: whether one version can be archived while its container is.
        hidden_versions: whether a version's archived state, as clients see it, is its own, or also
            that of its container.
        container_tags: whether a container keeps the tags that are written to it, drops them, or
            refuses a write that has some.
        inherit_owner: whether a container takes the owner of its first owned version. The local
            target does that; in the service, clients write a container's tags themselves.
    """

    tags: Literal["merge", "replace"] = "replace"
    omitted: Literal["keep", "clear"] = "clear"
    restore: Literal["keep", "all"] = "keep"
    archive_hidden: Literal["allow", "refuse"] = "allow"
    hidden_versions: Literal["own", "effective"] = "own"
    container_tags: Literal["keep", "drop", "refuse"] = "keep"
    inherit_owner: bool = True

    def resulting(self, tags: dict[str, str], written: dict[str, str] | None) -> dict[str, str]:
        """The tags after a write that says these; None where it leaves tags out."""
        if written is None:
            return tags if self.omitted == "keep" else {}
        return {**tags, **written} if self.tags == "merge" else written
