"""`HistoryEntry`: one entry of the change history that some targets keep."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from envsync.model.canonical import JSON

HistoryAction = Literal["create", "update", "archive", "restore", "delete"]


class HistoryEntry(Struct, frozen=True):
    """One change that was made in a target.

    Attributes:
        at: the time of the change, ISO 8601 in UTC with microseconds.
        actor: the user who made the change.
        version: the changed version. None if the whole environment was changed.
        before: the state before the change, as JSON data. A version has the keys `description`,
            `tags` (including the reserved tags) and `archived`. A whole environment has only the
            key `archived`. A deleted version also has the key `spec`. `before` is None if the
            change created the version.
        after: the state after the change, with the same keys as `before`. A created version also
            has the key `spec`. `after` is None if the change deleted the version.
    """

    at: str
    actor: str
    action: HistoryAction
    name: str
    version: str | None
    # `before` and `after` are JSON data, because an Environment cannot represent everything: other
    # tools write versions, and make changes that envsync cannot make, such as a delete.
    before: JSON
    after: JSON

    def to_json(self) -> dict[str, JSON]:
        """Returns the entry as JSON data, as `show --history --format json` prints it."""
        return {
            "at": self.at,
            "actor": self.actor,
            "action": self.action,
            "name": self.name,
            "version": self.version,
            "before": self.before,
            "after": self.after,
        }
