"""`Outcome`: what became of one change of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from envsync.model.canonical import JSON
from envsync.plan.change import Change
from envsync.plan.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def unverified(outcomes: Iterable[Outcome], plan: Plan) -> tuple[str, ...]:
    """Addresses of changes that are done, and that a plan made afterwards would make again."""
    open_addresses = {change.address for change in plan.changes}
    open_addresses |= {rejection.address for rejection in plan.rejections}
    done = {item.change.address for item in outcomes if item.status == "done"}
    return tuple(sorted(done & open_addresses))
