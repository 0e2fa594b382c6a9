"""`PlanView`: what a plan shows, read once and safe to print, for whoever lays it out.

Every text in it is one printable line. What it looks like is the renderers' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from envsync.model.wording import printable
from envsync.plan.change import Action
from envsync.render.values import value_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envsync.model.declaration import Source
    from envsync.plan.change import Change, FieldChange, Rejection
    from envsync.plan.plan import Plan

SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {Action.CREATE: "+", Action.UPDATE: "~", Action.ARCHIVE: "-", Action.RESTORE: "^"}
)
REJECT: Final = "reject"
"""Stands where a change has its action."""

NONE: Final = "(none)"
"""Stands for what is not there."""

_FILE_SIGNS = {"added": "+", "removed": "-", "modified": "~"}


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field that differs.

    Attributes:
        before: None where there is nothing; the same for `after`.
        files: of a build context, each file that differs, with `+`, `-` or `~` before it.
    """

    path: str
    before: str | None
    after: str | None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemView:
    """One change or one rejection.

    Attributes:
        sign: one character for the action.
        action: the action of a change, or `reject`.
        note: why, in a few words; of a rejection its code.
        message: of a rejection, what is wrong; empty for a change, as are the next two.
        fix: what to do about it.
        where: `file:line` of the declaration.
    """

    sign: str
    action: str
    address: str
    note: str
    fields: tuple[FieldView, ...]
    message: str = ""
    fix: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class PlanView:
    """A whole plan.

    Attributes:
        target: its name in `envsync.yaml`.
        kind: the target's.
        id: the target's own.
        counts: how many of each action, in the order of the actions; only those that occur.
        unchanged: number of declared versions that are as declared.
        latest: name, before and after, for each name whose `@latest` changes.
        is_empty: whether there is nothing to do and nothing wrong.
    """

    target: str
    kind: str
    id: str
    counts: Mapping[Action, int]
    unchanged: int
    changes: tuple[ItemView, ...]
    rejections: tuple[ItemView, ...]
    latest: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]
    refused: str | None
    is_empty: bool
    digest: str


def view(plan: Plan) -> PlanView:
    """What a plan shows."""
    held_back = plan.held_back
    summary = plan.summary
    return PlanView(
        target=printable(plan.target.name),
        kind=printable(plan.target.kind),
        id=printable(plan.target.id),
        counts={action: summary[action] for action in Action if summary[action]},
        unchanged=plan.unchanged,
        changes=tuple(_change(change, change.name in held_back) for change in plan.changes),
        rejections=tuple(_rejection(item) for item in plan.rejections),
        latest=tuple(
            (printable(item.name), printable(item.before or NONE), printable(item.after or NONE))
            for item in plan.latest
        ),
        warnings=tuple(map(printable, plan.warnings)),
        refused=None if plan.refused is None else printable(plan.refused),
        is_empty=plan.is_empty,
        digest=plan.digest,
    )


def _change(change: Change, held_back: bool) -> ItemView:
    note = printable(change.reason) + (", held back" if held_back else "")
    action = change.action
    return ItemView(SIGNS[action], action, printable(change.address), note, _fields(change.fields))


def _rejection(item: Rejection) -> ItemView:
    return ItemView(
        "!",
        REJECT,
        printable(item.address),
        printable(item.code),
        _fields(item.fields),
        printable(item.message),
        printable(item.fix),
        _where(item.source),
    )


def _where(source: Source | None) -> str:
    return "" if source is None else printable(f"{source.file}:{source.line}")


def _fields(fields: Iterable[FieldChange]) -> tuple[FieldView, ...]:
    return tuple(
        FieldView(
            printable(field.path),
            None if field.before is None else value_text(field.before),
            None if field.after is None else value_text(field.after),
            tuple(f"{_FILE_SIGNS[what]} {printable(file)}" for file, what in field.files.items()),
        )
        for field in fields
    )
