"""`Outcome`: the result of one change of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from envsync.model.canonical import JSON
from envsync.model.value import Value
from envsync.plan.change import Change
from envsync.plan.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Status: TypeAlias = Literal["done", "failed", "conflict", "skipped"]


class Outcome(Value, frozen=True):
    """The result of one change.

    Attributes:
        status: `conflict` if the target has changed since the plan was made. With the status
            `conflict` or `failed`, the change was not made.
        error: why the change was not made; None if the change was done.
        seconds: how long the change took; None if the change was not started. The JSON does not
            contain this duration.
    """

    uncompared = ("seconds",)

    change: Change
    status: Status
    error: str | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, JSON]:
        """Returns the outcome as JSON data, without the fields of the change."""
        return {
            "action": str(self.change.action),
            "scope": self.change.scope,
            "name": self.change.name,
            "version": self.change.version,
            "status": self.status,
            "error": self.error,
        }


def unverified(outcomes: Iterable[Outcome], plan: Plan) -> tuple[str, ...]:
    """Returns the addresses of the `done` changes that the target does not show.

    Args:
        outcomes: the outcomes of an apply.
        plan: a new plan, made after the apply. If the target does not show a change, the new plan
            contains the change again.
    """
    open_addresses = {change.address for change in plan.changes}
    # If the spec in the target is not the spec that was written, the new plan has a rejection.
    open_addresses |= {rejection.address for rejection in plan.rejections}
    done = {item.change.address for item in outcomes if item.status == "done"}
    return tuple(sorted(done & open_addresses))


def outcomes_from_json(data: Iterable[Any], plan: Plan) -> list[Outcome]:
    """Creates the outcomes from the JSON data of `Outcome.to_json`.

    Args:
        data: the JSON data of each outcome.
        plan: the plan that contains the changes of the outcomes.

    Raises:
        KeyError, TypeError: a key is missing, or the plan does not contain the change of an
            outcome.
    """
    # A dict finds the change of an outcome fast, even if the plan has thousands of changes.
    changes = {
        (change.action, change.scope, change.name, change.version): change
        for change in plan.changes
    }
    return [
        Outcome(
            changes[item["action"], item["scope"], item["name"], item["version"]],
            item["status"],
            item["error"],
        )
        for item in data
    ]


def applied_json(
    plan: Plan, outcomes: Iterable[Outcome], unverified: Sequence[str] | None
) -> dict[str, JSON]:
    """Returns the document that `apply --format json` prints.

    Args:
        plan: the plan that was applied.
        outcomes: the outcomes of the changes of the plan.
        unverified: the addresses of changes that the target does not show. If None, the target was
            not read again, and `verified` is null.
    """
    return {
        "format_version": 1,
        "plan": plan.to_json(),
        "outcomes": [outcome.to_json() for outcome in outcomes],
        "verified": None if unverified is None else not unverified,
    }
