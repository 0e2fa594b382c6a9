"""`Behaviour`: the store's answers to questions that the service's documentation leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One answer to each open question. The defaults are those of the local target.

    Attributes:
        tags: whether a write of tags replaces all tags or adds to them.
        omitted: whether a write without description or tags keeps or clears them.
        restore: whether restoring a container keeps versions archived that were archived
            separately, or restores all versions.
        archive_hidden: whether one version of an archived container can be archived.
        hidden_versions: whether clients see a version's own archived state, or also that of its
            container.
        container_tags: whether a container keeps the tags that are written to it, drops them, or
            refuses a write with tags.
        inherit_owner: whether a container gets the owner of its first owned version. The local
            target does this; for the service, clients write the container's tags themselves.
    """

    # The emulator runs the tests of the Azure target under each of these answers, because no
    # recording of the service shows which one is right.
    tags: Literal["merge", "replace"] = "replace"
    omitted: Literal["keep", "clear"] = "clear"
    restore: Literal["keep", "all"] = "keep"
    archive_hidden: Literal["allow", "refuse"] = "allow"
    hidden_versions: Literal["own", "effective"] = "own"
    # A 400 "Tags are not supported." is reported for containers:
    # https://github.com/Azure/bicep-types-az/issues/2594
    container_tags: Literal["keep", "drop", "refuse"] = "keep"
    inherit_owner: bool = True

    def resulting(self, tags: dict[str, str], written: dict[str, str] | None) -> dict[str, str]:
        """Returns the tags after a write of the tags `written`; None is a write without tags."""
        if written is None:
            return tags if self.omitted == "keep" else {}
        return {**tags, **written} if self.tags == "merge" else written
