"""Rows of two tables of the page: the environments in each target, and their uses in files."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from envsync.model.wording import MAX_MESSAGE, printable
from envsync.plan.reference_status import Judged
from envsync.plan.report import Report, UsedEnvironment
from envsync.plan.status import Status
from envsync.render.field_text import ARROW
from envsync.render.references import reference_address
from envsync.render.status_view import CellView, reason_text, row_view
from envsync.render.values import NONE


class StatusCell(Struct, frozen=True):
    """The state of a version in one target.

    Attributes:
        target: the name of the target.
        cell: the state and the version. None if the target has no such version.
        reason: why the version is in this state. Empty if there is no reason.
    """

    target: str
    cell: CellView | None
    reason: str = ""


class StatusRowView(Struct, frozen=True):
    """One version in all targets. `calm` is True if the version needs no action."""

    name: str
    version: str
    calm: bool
    cells: tuple[StatusCell, ...]


class UsedRow(Struct, frozen=True):
    """One use of an environment.

    Attributes:
        address: the environment, or what an inline environment contains.
        where: `file:line`.
        user: the kind of file, and the path of the field.
        notes: pairs of a status and a sentence. The sentence can be empty.
        calm: True if the reference has no problem.
    """

    address: str
    where: str
    user: str
    notes: tuple[tuple[str, str], ...]
    calm: bool


def status_rows(status: Status) -> Iterator[StatusRowView]:
    """Yields the rows of the status, those that need attention first."""
    for row in status.rows:
        shown = row_view(row)
        cells = tuple(
            StatusCell(
                target,
                shown.cells.get(target),
                reason_text(row.cells[target]) if target in row.cells else "",
            )
            for target in status.targets
        )
        calm = all(cell.is_calm for cell in row.cells.values())
        yield StatusRowView(shown.name, shown.version, calm, cells)


def used_rows(report: Report) -> list[UsedRow]:
    """Returns the uses of environments, those with a problem first."""
    rows = [_used_row(item) for item in report.references]
    return sorted(rows, key=lambda row: row.calm)


def _used_row(item: UsedEnvironment) -> UsedRow:
    reference = item.judged.reference
    user = reference.user if reference.certainty == "exact" else f"{reference.user}, probable"
    notes = tuple(dict.fromkeys(_notes(item)))
    return UsedRow(
        reference_address(reference)[1],
        reference.where,
        f"{user}: {reference.place}" if reference.place else user,
        notes,
        calm=not any(status in ("broken", "archived") for status, _ in notes),
    )


def _notes(item: UsedEnvironment) -> Iterator[tuple[str, str]]:
    # A file usually uses an environment of only one target, so it is not an error if another target
    # does not have the environment.
    exists = any(judged.status != "broken" for judged in item.in_targets.values())
    fine = [name for name, judged in item.in_targets.items() if judged.status == "ok"]
    for target, judged in item.in_targets.items():
        text = _finding(judged)
        if judged.latest is not None:
            before, after = judged.latest.before or NONE, judged.latest.after or NONE
            text = f"@latest moves {before}{ARROW}{after} in {target}."
        if judged.status == "ok" and len(fine) < len(item.in_targets):
            text = f"in {target}"
        yield ("absent" if exists and judged.status == "broken" else judged.status), text
    if not item.in_targets:
        yield item.judged.status, _finding(item.judged)
    if item.judged.same is not None:
        yield "same", f"The content is the same as in {item.judged.same}."
    elif item.judged.declared is False:
        yield "undeclared", ""


def _finding(judged: Judged) -> str:
    return "" if judged.finding is None else printable(judged.finding.message, MAX_MESSAGE)
