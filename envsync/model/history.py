"""`HistoryEntry`: one entry of the change history that some targets keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from envsync.model.canonical import JSON

HistoryAction = Literal["create", "update", "archive", "restore", "delete"]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change that was made in a target.

    Attributes:
        at: the time of the change, ISO 8601 in UTC with microseconds.
        actor: the user who made the change.
        version: the changed version. None if the whole environment was changed.
        before: the state before the change, as JSON data with the keys `description`, `tags`
            (including the reserved tags) and `archived`. If the whole environment was changed, the
            only key is `archived`. If the version was deleted, there is also the key `spec`. None
            if the version was created.
        after: the state after the change, with the same keys. If the version was created, there is
            also the key `spec`. None if the version was deleted.
    """

    at: str
    actor: str
    action: HistoryAction
    name: str
    version: str | None
    # JSON data instead of an Environment: the history also contains versions that other tools
    # wrote, and operations that envsync does not have, such as a delete.
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
