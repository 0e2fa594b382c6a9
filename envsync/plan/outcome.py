"""`Outcome`: what became of one change of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from envsync.model.canonical import JSON
from envsync.plan.change import Change

Status: TypeAlias = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change.

    Attributes:
        error: why it failed or was skipped; None when it is done.
    """

    change: Change
    status: Status
    error: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """As JSON data."""
        return {
            "action": str(self.change.action),
            "scope": self.change.scope,
            "name": self.change.name,
            "version": self.change.version,
            "status": self.status,
            "error": self.error,
        }
