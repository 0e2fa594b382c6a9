"""Renders a plan as text for a terminal or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.model.wording import printable
from envsync.plan.change import Action
from envsync.render.field_text import (
    field_lines,
    label_width,
    name_width,
    named_lines,
)
from envsync.render.paint import WIDTH, Paint, cells, middle_cut, pad, painter, shorten
from envsync.render.plan_view import (
    MOST_CHANGES,
    MOST_USES,
    REJECT,
    ItemView,
    LatestView,
    PlanView,
    counts,
    reached_lines,
    view,
)
from envsync.render.values import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envsync.plan.plan import Plan

STYLES: Mapping[str, str] = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.ARCHIVE: "red",
    Action.RESTORE: "cyan",
    REJECT: "bold red",
}

_FIELD_INDENT = 6
_NOTE_COLUMNS = 24


def plan_text(
    plan: Plan,
    *,
    color: bool = False,
    width: int = WIDTH,
    full: bool = False,
    where: str | None = None,
) -> str:
    """Returns the whole plan: changes with fields, rejections, `@latest`, warnings and the summary.

    A plan with many changes has one line for each change, unless `full` is True. The summary of
    such a plan is at the beginning and at the end.

    Args:
        plan: the plan to show.
        color: whether ANSI colours are used. The text is complete without colour.
        width: columns of the terminal.
        full: whether all fields of new versions and long values are shown in full.
        where: the path of a local target, as the user sees the path. If None, the id of the target
            is shown.
    """
    paint = painter(color)
    brief = len(plan.changes) > MOST_CHANGES and not full
    shown = view(plan, full=full, brief=brief)
    if where is not None:
        shown = replace(shown, id=printable(where), place=(printable(where),))
    lines = [_target(shown, paint, width, full=full)]
    if brief:
        lines += [
            summary_text(plan, paint),
            f"One line for each of {len(shown.changes)} changes; -v shows their fields.",
        ]
    layout = _Layout(shown, paint, width=width, full=full, brief=brief)
    blocks = [layout.item(item) for item in (*shown.changes, *shown.rejections)]
    # Pair each block with the block before it: `[[""], *blocks]` is `blocks` shifted by one.
    for block, before in zip(blocks, [[""], *blocks], strict=False):
        # An empty line separates two blocks, unless both have a single line. For example, many
        # changes that archive a version are easier to read without empty lines between them.
        lines += block if len(block) == len(before) == 1 and before != [""] else ["", *block]
    if shown.latest:
        lines += ["", *latest_lines(shown.latest, paint, width, full=full)]
    lines += _warnings(shown.warnings, paint, width)
    if shown.refused:
        lines += ["", paint("bold red", "Refused: ") + shown.refused]
    lines += ["", summary_text(plan, paint)]
    if not shown.is_empty:
        lines.append(paint("dim", f"Digest {shown.digest}"))
    return "\n".join(lines) + "\n"


def summary_text(plan: Plan, paint: Paint) -> str:
    """Returns the number of changes and rejections in a plan as one line."""
    unchanged = f"{plan.unchanged} unchanged"
    if plan.is_empty:
        return paint("bold green", "No changes.") + f" The target matches the files: {unchanged}."
    parts = [paint(STYLES[action], f"{count} {action}") for action, count in counts(plan).items()]
    parts.append(unchanged)
    if plan.rejections:
        parts.append(paint(STYLES[REJECT], f"{len(plan.rejections)} rejected"))
    return paint("bold", "Plan: ") + ", ".join(parts) + "."


def _target(shown: PlanView, paint: Paint, width: int, *, full: bool) -> str:
    """Returns the line about the target. If `full` is False, a long id is shortened to fit."""
    name = f"Target {shown.target}"
    if full:
        return f"{paint('bold', name)}  {shown.kind} {shown.id}"
    room = width - cells(name) - 2
    places = [shown.place[:count] for count in range(len(shown.place), 0, -1)]
    texts = [f"{shown.kind} {', '.join(place)}" for place in places]
    fitting = next((text for text in texts if cells(text) <= room), None)
    return f"{paint('bold', name)}  {fitting or middle_cut(texts[-1], room)}"


class _Layout:
    """Lays out changes and rejections. The columns are the same in the whole plan."""

    def __init__(
        self, shown: PlanView, paint: Paint, *, width: int, full: bool, brief: bool
    ) -> None:
        items = (*shown.changes, *shown.rejections)
        self._address = name_width((item.address for item in items), width)
        self._label = label_width((field for item in items for field in item.fields), width)
        self._paint, self._width, self._full, self._brief = paint, width, full, brief

    def item(self, item: ItemView) -> list[str]:
        """Returns the lines of a change or a rejection."""
        lines = self._heading(item)
        if item.drifted:
            drifted = wrapped(item.drifted, self._width - _FIELD_INDENT)
            lines += [" " * _FIELD_INDENT + self._paint("bold yellow", line) for line in drifted]
        for field in item.fields:
            lines += field_lines(
                field,
                self._label,
                self._paint,
                indent=_FIELD_INDENT,
                width=self._width,
                full=self._full,
            )
        if item.action == REJECT:
            where = f" ({item.where})" if item.where else ""
            lines += _wrap(item.message + where, " " * _FIELD_INDENT, self._width)
            lines += _wrap("fix: " + item.fix, " " * _FIELD_INDENT, self._width)
        return lines

    def _heading(self, item: ItemView) -> list[str]:
        """Returns the action, name and reason. A long reason is wrapped in its column.

        If the name leaves no room for the reason, the reason is below the name.
        """
        paint, start = self._paint, f"  {item.sign} {item.action:<7}"
        line = f"{paint(STYLES[item.action], start)}  {paint('bold', item.address)}"
        used = cells(start) + 2 + max(self._address, cells(item.address)) + 2
        room = self._width - used
        if not item.note:
            return [line]
        if cells(item.note) > room and (
            room < _NOTE_COLUMNS or cells(item.address) > self._address
        ):
            used = _FIELD_INDENT
            return [line, *(" " * used + paint("dim", more) for more in self._note(item, used))]
        first, *rest = self._note(item, used)
        gap = pad("", self._address - cells(item.address)) + "  "
        return [
            f"{line}{gap}{paint('dim', first)}",
            *(" " * used + paint("dim", more) for more in rest),
        ]

    def _note(self, item: ItemView, indent: int) -> list[str]:
        room = self._width - indent
        return [shorten(item.note, room)] if self._brief else list(wrapped(item.note, room))


def latest_lines(
    latest: Sequence[LatestView], paint: Paint, width: int, *, full: bool
) -> Iterator[str]:
    """Yields the lines about `@latest`: the names, the versions, and who uses `@latest`.

    Args:
        latest: the changes of `@latest`.
        paint: a function that colours text.
        width: columns of the terminal.
        full: whether all uses are shown.
    """
    if latest:
        yield paint("bold", "@latest")
        rows = ((item.name, item.versions) for item in latest)
        most = None if full else MOST_USES
        for item, lines in zip(latest, named_lines(rows, width, indent="  "), strict=True):
            yield from lines
            for line in reached_lines(item.uses, most):
                yield " " * _FIELD_INDENT + paint("dim", line)


def _warnings(warnings: Iterable[str], paint: Paint, width: int) -> Iterator[str]:
    for index, warning in enumerate(warnings):
        if index == 0:
            yield ""
        first, *rest = _wrap(f"Warning: {warning}", "", width)
        yield first.replace("Warning:", paint("yellow", "Warning:"), 1)
        yield from rest


def _wrap(text: str, indent: str, width: int) -> list[str]:
    """Wraps a sentence. A long word, such as a path, is not broken, so that it can be copied."""
    lines = [""]
    for word in text.split(" "):
        room = width - len(indent) - (2 if len(lines) > 1 else 0)
        if lines[-1] and cells(lines[-1]) + 1 + cells(word) > room:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return [indent + ("  " if index else "") + line for index, line in enumerate(lines)]
