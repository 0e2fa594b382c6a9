"""`PlanView`: the strings of a plan, in the order in which all renderers show them.

Every string is already one printable line, so renderers need not escape control characters.
Renderers only decide about layout.
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
"""The action of a rejection in an `ItemView`."""

NONE: Final = "(none)"
"""The text for an absent value or version."""

_FILE_SIGNS = {"added": "+", "removed": "-", "modified": "~"}


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field that differs.

    Attributes:
        before: the value in the target; None if it is absent.
        after: the declared value; None if it is absent.
        files: for a build context, each file that differs, prefixed with `+`, `-` or `~`.
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
        address: the version or environment.
        note: the reason of a change, or the code of a rejection.
        fields: the fields that differ.
        message: what is wrong; empty for a change.
        fix: what to do about it; empty for a change.
        where: `file:line` of the declaration; empty for a change.
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
        target: the name of the target in `envsync.yaml`.
        kind: the kind of the target.
        id: the id of the target.
        counts: the number of changes by action, without zeros, in the order of `Action`.
        unchanged: the number of declared versions that need no change.
        latest: name, before and after, for each name whose `@latest` changes.
        is_empty: whether the plan has no changes and no rejections.
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
    """Creates the view of a plan."""
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
    return ItemView(
        sign=SIGNS[action],
        action=action,
        address=printable(change.address),
        note=note,
        fields=_fields(change.fields),
    )


def _rejection(item: Rejection) -> ItemView:
    return ItemView(
        sign="!",
        action=REJECT,
        address=printable(item.address),
        note=printable(item.code),
        fields=_fields(item.fields),
        message=printable(item.message),
        fix=printable(item.fix),
        where=_where(item.source),
    )


def _where(source: Source | None) -> str:
    return "" if source is None else printable(f"{source.file}:{source.line}")


def _fields(fields: Iterable[FieldChange]) -> tuple[FieldView, ...]:
    return tuple(
        FieldView(
            path=printable(field.path),
            # None and "" differ: an absent description is None, an empty description is "".
            before=None if field.before is None else value_text(field.before),
            after=None if field.after is None else value_text(field.after),
            files=tuple(
                f"{_FILE_SIGNS[what]} {printable(file)}" for file, what in field.files.items()
            ),
        )
        for field in fields
    )
