"""`Behaviour`: how the store behaves in cases that the service's documentation omits."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Behaviour(Struct, frozen=True):
    """The store's behaviour in each undocumented case. The local target uses the defaults.

    Attributes:
        tags: whether the tags in a write replace all stored tags (`replace`) or are added to them
            (`merge`).
        omitted: whether a write without a description keeps or clears the stored description. Tags
            are treated in the same way.
        restore: whether restoring a container also restores versions that were archived separately
            (`all`) or leaves them archived (`keep`).
        archive_hidden: whether a single version can be archived while its container is archived.
        hidden_versions: whether a version is shown as archived only if it is archived itself
            (`own`), or also if its container is archived (`effective`).
        container_tags: whether a container keeps the tags that are written to it, drops them, or
            refuses a write with tags.
        inherit_owner: whether a container without an owner gets the owner of a version when the
            version is written. The value is True for the local target. The value is False for an
            emulator, because Azure ML changes a container's tags only if a client writes them.
    """

    # No recorded response shows which behaviour is right, so the tests of the Azure target run
    # against an emulator with each value.
    tags: Literal["merge", "replace"] = "replace"
    omitted: Literal["keep", "clear"] = "clear"
    restore: Literal["keep", "all"] = "keep"
    archive_hidden: Literal["allow", "refuse"] = "allow"
    hidden_versions: Literal["own", "effective"] = "own"
    # A 400 "Tags are not supported." was reported for containers:
    # https://github.com/Azure/bicep-types-az/issues/2594
    container_tags: Literal["keep", "drop", "refuse"] = "keep"
    inherit_owner: bool = True

    def resulting(self, tags: dict[str, str], written: dict[str, str] | None) -> dict[str, str]:
        """Returns the tags after a write. `written` is None if the write has no tags."""
        if written is None:
            return tags if self.omitted == "keep" else {}
        return {**tags, **written} if self.tags == "merge" else written
