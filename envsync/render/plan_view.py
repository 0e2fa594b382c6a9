"""`PlanView`: the strings of a plan, in the order in which all renderers show them.

Every string is already one printable line, so renderers need not escape control characters.
Renderers only decide about layout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from envsync.model.wording import printable
from envsync.plan.change import Action
from envsync.render.drifted import drifted_text
from envsync.render.field_text import ARROW
from envsync.render.field_view import FieldView, field_views
from envsync.render.unchanged import with_unchanged
from envsync.render.values import NONE

if TYPE_CHECKING:
    from envsync.model.declaration import Source
    from envsync.model.use import Use
    from envsync.plan.change import Change, LatestChange, Rejection
    from envsync.plan.plan import Plan

SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {Action.CREATE: "+", Action.UPDATE: "~", Action.ARCHIVE: "-", Action.RESTORE: "^"}
)
MOST_USES: Final = 5
"""Maximum number of files that are shown for one change of `@latest`."""

REJECT: Final = "reject"
"""The value of `ItemView.action` for a rejection."""

MOST_CHANGES: Final = 40
"""The largest number of changes that are all shown with their fields.

A longer plan has one line for each change in the text, and a list of names at the top of the
Markdown.
"""

# Matches a resource id of Azure Resource Manager. The groups are the parts that people recognise.
_ARM_ID: Final = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/[^/]+/[^/]+/(?P<name>[^/]+)\Z",
    re.IGNORECASE,
)


class ItemView(Struct, frozen=True):
    """One change or one rejection.

    Attributes:
        sign: one character for the action.
        action: the action of a change, or `reject`.
        address: the version or environment.
        note: the reason of a change, or the code of a rejection.
        fields: the fields to show.
        message: what is wrong; empty for a change.
        fix: what the user can do; empty for a change.
        where: `file:line` of the declaration; empty for a change.
        drifted: the edit in the target that the change would overwrite; empty if there is no edit.
    """

    sign: str
    action: str
    address: str
    note: str
    fields: tuple[FieldView, ...]
    message: str = ""
    fix: str = ""
    where: str = ""
    drifted: str = ""


class LatestView(Struct, frozen=True):
    """A name whose `@latest` changes.

    Attributes:
        versions: the versions before and after: `1 → 2`.
        uses: who uses `@latest`: `jobs/train.yml:9 (pipeline)`.
    """

    name: str
    versions: str
    uses: tuple[str, ...] = ()


class PlanView(Struct, frozen=True):
    """A whole plan.

    Attributes:
        target: the name of the target in `envsync.yaml`.
        kind: the kind of the target.
        id: the id of the target.
        place: the id in words, with the most important part first.
        counts: the number of changes by action, without zeros, in the order of `Action`.
        unchanged: the number of declared versions that need no change.
        latest: the names whose `@latest` changes.
        is_empty: whether the plan has no changes and no rejections.
    """

    target: str
    kind: str
    id: str
    place: tuple[str, ...]
    counts: Mapping[Action, int]
    unchanged: int
    changes: tuple[ItemView, ...]
    rejections: tuple[ItemView, ...]
    latest: tuple[LatestView, ...]
    warnings: tuple[str, ...]
    refused: str | None
    is_empty: bool
    digest: str


def counts(plan: Plan) -> dict[Action, int]:
    """Returns the number of changes by action, without zeros, in the order of `Action`."""
    summary = plan.summary
    return {action: summary[action] for action in Action if summary[action]}


def view(plan: Plan, *, full: bool = False, brief: bool = False) -> PlanView:
    """Creates the view of a plan.

    Args:
        plan: the plan to show.
        full: whether a new version shows all its fields. If False, a new version that has a
            predecessor shows only the fields that differ.
        brief: whether changes have no fields, because the renderer shows only a line for each.
    """
    held_back = plan.held_back
    return PlanView(
        target=printable(plan.target.name),
        kind=printable(plan.target.kind),
        id=printable(plan.target.id),
        place=_place(printable(plan.target.id)),
        counts=counts(plan),
        unchanged=plan.unchanged,
        changes=tuple(
            _change(change, held_back=change.name in held_back, full=full, brief=brief)
            for change in plan.changes
        ),
        rejections=tuple(_rejection(item) for item in plan.rejections),
        latest=tuple(map(latest_view, plan.latest)),
        warnings=tuple(map(printable, plan.warnings)),
        refused=None if plan.refused is None else printable(plan.refused),
        is_empty=plan.is_empty,
        digest=plan.digest,
    )


def latest_view(change: LatestChange) -> LatestView:
    """Creates the view of a change of `@latest`."""
    versions = f"{change.before or NONE}{ARROW}{change.after or NONE}"
    if change.before is None and change.after is None:
        versions = "a new version"
    return LatestView(
        printable(change.name), printable(versions), tuple(map(_use_text, change.uses))
    )


def _use_text(use: Use) -> str:
    """Returns a use of an environment as text: `jobs/train.yml:9 (pipeline)`."""
    user = "" if use.user == "unknown" else f" ({use.user})"
    return printable(f"{use.where}{user}")


def reached_lines(uses: Sequence[str], most: int | None = MOST_USES) -> list[str]:
    """Returns the lines below a change of `@latest`: who uses `@latest`.

    Args:
        uses: the uses as text.
        most: the maximum number of uses. If None, all uses are shown.
    """
    lines = [f"reaches {use}" for use in uses[:most]]
    if more := len(uses) - len(lines):
        lines.append(f"reaches {more} more")
    return lines


def _place(target: str) -> tuple[str, ...]:
    """Returns the parts of a workspace id in words. Returns an id of another form unchanged."""
    found = _ARM_ID.match(target)
    if found is None:
        return (target,)
    name, group, subscription = found.group("name", "group", "subscription")
    return name, f"resource group {group}", f"subscription {subscription}"


def _change(change: Change, *, held_back: bool, full: bool, brief: bool) -> ItemView:
    return ItemView(
        sign=SIGNS[change.action],
        action=change.action,
        address=printable(change.address),
        note=printable(_note(change)) + (", held back" if held_back else ""),
        fields=() if brief else _change_fields(change, full),
        drifted="" if change.drifted is None else drifted_text(change.drifted),
    )


def _note(change: Change) -> str:
    """Returns the reason of a change. Adds a remark if a new version equals its predecessor."""
    same = change.predecessor is not None and not change.differs
    return f"{change.reason}, no field differs" if same else change.reason


def _change_fields(change: Change, full: bool) -> tuple[FieldView, ...]:
    if change.action is not Action.CREATE:
        return field_views(change.fields)
    if change.predecessor is None:
        return field_views(change.fields, listed=True)
    differs = field_views(change.differs)
    if not full:
        return differs
    return with_unchanged(differs, field_views(change.fields, listed=True))


def _rejection(item: Rejection) -> ItemView:
    return ItemView(
        sign="!",
        action=REJECT,
        address=printable(item.address),
        note=printable(item.code),
        fields=field_views(item.fields),
        message=printable(item.message),
        fix=printable(item.fix),
        where=_where(item.source),
    )


def _where(source: Source | None) -> str:
    return "" if source is None else printable(f"{source.file}:{source.line}")
