"""Renders a plan as text for a terminal or a log."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.cells import cell_len

from envsync.plan.change import Action
from envsync.plan.plan import Plan
from envsync.render.paint import WIDTH, Paint, columns, pad, painter
from envsync.render.plan_view import NONE, REJECT, FieldView, ItemView, PlanView, view
from envsync.render.values import value_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

STYLES: Mapping[str, str] = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.ARCHIVE: "red",
    Action.RESTORE: "cyan",
    REJECT: "bold red",
}

_FIELD_INDENT = 6
_MOST_PATH_COLUMNS = 36
_ARROW = " → "


def plan_text(plan: Plan, *, color: bool = False, width: int = WIDTH, full: bool = False) -> str:
    """Returns the whole plan: changes with fields, rejections, `@latest`, warnings and the summary.

    Args:
        plan: the plan to show.
        color: whether ANSI colours are used. The text is complete without colour.
        width: columns of the terminal.
        full: whether long values are shown in full.
    """
    paint = painter(color)
    shown = view(plan)
    items = (*shown.changes, *shown.rejections)
    # A single long name must not push the reasons of all changes out of sight.
    column = min(max((cell_len(item.address) for item in items), default=0), width // 2)
    lines = [paint("bold", f"Target {shown.target}") + f"  {shown.kind} {shown.id}"]
    blocks = [_item(item, column, paint, width=width, full=full) for item in items]
    # The second list is one item longer: it pairs each block with the block before it.
    for block, before in zip(blocks, [[""], *blocks], strict=False):
        # An empty line separates blocks, except between changes without fields. Many archives are
        # easier to read as a list.
        lines += block if len(block) == len(before) == 1 and before != [""] else ["", *block]
    lines += _latest(shown, paint)
    lines += _warnings(shown.warnings, paint, width)
    if shown.refused:
        lines += ["", paint("bold red", "Refused: ") + shown.refused]
    lines += ["", _summary(shown, paint)]
    if not shown.is_empty:
        lines.append(paint("dim", f"Digest {shown.digest}"))
    return "\n".join(lines) + "\n"


def summary_text(plan: Plan, paint: Paint) -> str:
    """Returns the number of changes and rejections in a plan as one line."""
    return _summary(view(plan), paint)


def _summary(shown: PlanView, paint: Paint) -> str:
    unchanged = f"{shown.unchanged} unchanged"
    if shown.is_empty:
        return paint("bold green", "No changes.") + f" The target matches the files: {unchanged}."
    parts = [paint(STYLES[action], f"{count} {action}") for action, count in shown.counts.items()]
    parts.append(unchanged)
    if shown.rejections:
        parts.append(paint(STYLES[REJECT], f"{len(shown.rejections)} rejected"))
    return paint("bold", "Plan: ") + ", ".join(parts) + "."


def _item(item: ItemView, column: int, paint: Paint, *, width: int, full: bool) -> list[str]:
    action = paint(STYLES[item.action], f"  {item.sign} {item.action:<7}")
    address = paint("bold", pad(item.address, column))
    lines = [f"{action}  {address}  {paint('dim', item.note)}".rstrip()]
    lines += _fields(item.fields, paint, width=width, full=full)
    if item.action == REJECT:
        indent = " " * _FIELD_INDENT
        lines += _wrap(item.message + (f" ({item.where})" if item.where else ""), indent, width)
        lines += _wrap("fix: " + item.fix, indent, width)
    return lines


def _fields(fields: Sequence[FieldView], paint: Paint, *, width: int, full: bool) -> Iterator[str]:
    column = min(max((cell_len(field.path) for field in fields), default=0), _MOST_PATH_COLUMNS)
    for field in fields:
        path = " " * _FIELD_INDENT + pad(field.path, column) + "  "
        before, after = field.before or NONE, field.after or NONE
        if field.before is None:
            yield from value_lines(path, after, paint, style="green", width=width, full=full)
        elif field.after is None:
            value = before + _ARROW + after
            yield from value_lines(path, value, paint, style="red", width=width, full=full)
        elif cell_len(path + before + _ARROW + after) <= width:
            yield path + paint("red", before) + _ARROW + paint("green", after)
        else:
            yield path.rstrip()
            deeper = " " * (_FIELD_INDENT + 2)
            for sign, value, style in (("- ", before, "red"), ("+ ", after, "green")):
                start = deeper + sign
                yield from value_lines(start, value, paint, style=style, width=width, full=full)
        for file in field.files:
            yield " " * (_FIELD_INDENT + 2) + file


def _latest(shown: PlanView, paint: Paint) -> Iterator[str]:
    if shown.latest:
        yield ""
        yield paint("bold", "@latest")
        yield from columns(
            ("  " + name, before + _ARROW + after) for name, before, after in shown.latest
        )


def _warnings(warnings: Iterable[str], paint: Paint, width: int) -> Iterator[str]:
    for index, warning in enumerate(warnings):
        if index == 0:
            yield ""
        first, *rest = _wrap(f"Warning: {warning}", "", width)
        yield first.replace("Warning:", paint("yellow", "Warning:"), 1)
        yield from rest


def _wrap(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        # Names, versions and commands contain hyphens, and must not be split.
        break_on_hyphens=False,
        break_long_words=False,
    )
