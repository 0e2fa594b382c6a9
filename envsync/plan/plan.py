"""`Plan`: what an apply would do, as values; to and from JSON data; and its digest.

`docs/plan.md` describes the JSON, `envsync schema plan` prints its schema.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from envsync._version import __version__
from envsync.model.canonical import JSON, canonical_json, sha256_digest
from envsync.model.declaration import Source
from envsync.model.errors import EnvsyncError, PlanRefused
from envsync.model.target import TargetIdentity
from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an apply would do to one target, in canonical order.

    Attributes:
        project: the owner written on what is created.
        changes: by name, and of one name in the order in which an apply makes them. A change of a
            name that has a rejection is shown, and held back.
        unchanged: number of declared versions that are in the target as declared.
        refused: why the plan may not be applied as a whole, beside rejections; None where it may.
        read_back: it comes from a file, so it can be compared and shown, but not applied.
    """

    project: str
    target: TargetIdentity
    changes: tuple[Change, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    latest: tuple[LatestChange, ...] = ()
    warnings: tuple[str, ...] = ()
    unchanged: int = 0
    refused: str | None = None
    read_back: bool = field(default=False, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do and nothing wrong."""
        return not (self.changes or self.rejections)

    @property
    def held_back(self) -> frozenset[str]:
        """Names that a rejection holds back, with every change of theirs."""
        return frozenset(rejection.name for rejection in self.rejections)

    @property
    def applicable(self) -> tuple[Change, ...]:
        """The changes that no rejection holds back."""
        held_back = self.held_back
        return tuple(change for change in self.changes if change.name not in held_back)

    def ensure_applicable(self, *, skip_rejected: bool = False) -> None:
        """Checks that the plan may be applied.

        Args:
            skip_rejected: names with a rejection are left out, and so do not stand in the way.

        Raises:
            PlanRefused: `read-back`, `mass-archive` or `rejections`.
        """
        if self.read_back:
            raise PlanRefused("read-back", "A plan from a file is compared, never applied itself.")
        if self.refused:
            raise PlanRefused(
                "mass-archive", f"{self.refused} If that is meant, pass --allow-mass-archive."
            )
        if self.rejections and not skip_rejected:
            count = len(self.rejections)
            raise PlanRefused(
                "rejections",
                f"The plan has {count} rejection{'' if count == 1 else 's'}, so nothing was "
                "applied. Put that right, or pass --skip-rejected to apply the rest.",
            )

    def ensure_approved(self, digest: str) -> None:
        """Checks that this is the plan that somebody approved.

        Raises:
            PlanRefused: `plan-stale`.
        """
        if self.digest != digest:
            raise PlanRefused(
                "plan-stale",
                f"plan-stale: {digest} was approved, but the plan is now {self.digest}: files or "
                "target have changed since. Nothing was applied; review the new plan.",
            )

    @property
    def summary(self) -> dict[str, int]:
        """How many of each action, `unchanged` and `rejected`."""
        counts = Counter(change.action for change in self.changes)
        return {
            **{str(action): counts[action] for action in Action},
            "unchanged": self.unchanged,
            "rejected": len(self.rejections),
        }

    @property
    def digest(self) -> str:
        """`sha256:` and 64 hex digits over project, target, changes and rejections.

        Reasons, messages and places in files explain, and are left out: a comment added to a file
        leaves the digest as it was.
        """
        explaining = {"reason", "message", "fix", "source"}
        documents = [part.to_json() for part in self.changes]
        documents += [part.to_json() for part in self.rejections]
        parts: list[JSON] = [
            {key: value for key, value in document.items() if key not in explaining}
            for document in documents
        ]
        data: JSON = [self.project, _target_json(self.target), parts]
        return sha256_digest(f"envsync-plan {FORMAT_VERSION}\n" + canonical_json(data))

    def to_json(self) -> dict[str, JSON]:
        """The plan as JSON data, as `plan --format json` prints it."""
        return {
            "format_version": FORMAT_VERSION,
            "envsync_version": __version__,
            "project": self.project,
            "target": _target_json(self.target),
            "digest": self.digest,
            "summary": dict(self.summary),
            "changes": [change.to_json() for change in self.changes],
            "rejections": [rejection.to_json() for rejection in self.rejections],
            "latest": [latest.to_json() for latest in self.latest],
            "warnings": list(self.warnings),
            "refused": self.refused,
        }

    @classmethod
    def from_json(cls, data: object) -> Plan:
        """The plan that `to_json` wrote.

        Raises:
            EnvsyncError: the data is no plan, is of another format version, or was edited: its
                digest is not that of its content.
        """
        try:
            return _read_plan(data)
        except (KeyError, TypeError, ValueError) as error:
            raise EnvsyncError(f"This is not a plan that envsync wrote: {error!r}.") from error


def _target_json(target: TargetIdentity) -> dict[str, JSON]:
    return {"name": target.name, "kind": target.kind, "id": target.id}


def _read_plan(data: Any) -> Plan:
    if data["format_version"] != FORMAT_VERSION:
        raise EnvsyncError(
            f"The plan has format version {data['format_version']}, this envsync "
            f"({__version__}) reads {FORMAT_VERSION}. Make the plan again."
        )
    plan = Plan(
        project=data["project"],
        target=TargetIdentity(**data["target"]),
        changes=tuple(
            Change(**{**item, "action": Action(item["action"]), **_read_common(item)})
            for item in data["changes"]
        ),
        rejections=tuple(
            Rejection(**{**item, **_read_common(item)}) for item in data["rejections"]
        ),
        latest=tuple(LatestChange(**item) for item in data["latest"]),
        warnings=tuple(data["warnings"]),
        unchanged=data["summary"]["unchanged"],
        refused=data["refused"],
        read_back=True,
    )
    if plan.digest != data["digest"]:
        raise EnvsyncError("The plan was edited after it was written. Make the plan again.")
    return plan


def _read_common(item: Any) -> dict[str, Any]:
    return {
        "fields": tuple(FieldChange(**change) for change in item["fields"]),
        "source": None if item["source"] is None else Source(**item["source"]),
    }
