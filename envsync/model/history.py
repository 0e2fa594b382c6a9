"""Who changed what and when: the record that some targets keep of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from envsync.model.canonical import JSON

HistoryAction = Literal["create", "update", "archive", "restore", "delete"]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change that was made in a target.

    Attributes:
        at: when, ISO 8601 in UTC with microseconds.
        actor: who made it.
        version: None for a change of the whole environment.
        before: what was there, as JSON data: `description`, `tags` (the reserved ones included)
            and `archived`; of an environment, `archived` only; for a delete, `spec` too. None for
            a create.
        after: what is there since, likewise; for a create, `spec` too. None for a delete.
    """

    at: str
    actor: str
    action: HistoryAction
    name: str
    version: str | None
    before: JSON
    after: JSON
