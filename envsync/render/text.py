"""A plan and its outcomes as text for a terminal or a log."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.cells import cell_len

from envsync.change import Action, FieldChange
from envsync.plan import Plan
from envsync.render.paint import WIDTH, Paint, columns, pad, painter, safe
from envsync.render.values import value_lines, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.ARCHIVE: ("-", "red"),
    Action.RESTORE: ("^", "cyan"),
}
REJECTED = ("!", "bold red")

_FILE_SIGNS = {"added": "+", "removed": "-", "modified": "~"}
_FIELD_INDENT = 6
_MOST_PATH_COLUMNS = 36
_ARROW = " → "


def plan_text(plan: Plan, *, color: bool = False, width: int = WIDTH, full: bool = False) -> str:
    """The whole plan: one line a change, its fields below, rejections, `@latest`, the summary.

    Args:
        plan: what to show.
        color: whether to use ANSI colours; nothing is said by colour alone.
        width: columns of the terminal.
        full: shows long values whole instead of cutting them.
    """
    paint = painter(color)
    lines = [paint("bold", f"Target {plan.target.name}") + f"  {plan.target.kind} {plan.target.id}"]
    blocks = [*_changes(plan, paint, width, full), *_rejections(plan, paint, width, full)]
    for block, before in zip(blocks, [[""], *blocks], strict=False):
        # Changes without fields stand close together, all else is set apart.
        lines += block if len(block) == len(before) == 1 and before != [""] else ["", *block]
    lines += _latest(plan, paint)
    lines += _warnings(plan.warnings, paint, width)
    if plan.refused:
        lines += ["", paint("bold red", "Refused: ") + plan.refused]
    lines += ["", summary_text(plan, paint)]
    if not plan.is_empty:
        lines.append(paint("dim", f"Digest {plan.digest}"))
    return "\n".join(lines) + "\n"


def summary_text(plan: Plan, paint: Paint) -> str:
    """What the plan comes to, in one line."""
    summary = plan.summary
    unchanged = f"{summary['unchanged']} unchanged"
    if plan.is_empty:
        return paint("bold green", "No changes.") + f" The target is as declared: {unchanged}."
    counts = [
        paint(SIGNS[action][1], f"{summary[action]} {action}") if summary[action] else ""
        for action in Action
    ]
    rejected = paint("bold red", f"{summary['rejected']} rejected") if plan.rejections else ""
    return paint("bold", "Plan: ") + ", ".join(filter(None, [*counts, unchanged, rejected])) + "."


def _changes(plan: Plan, paint: Paint, width: int, full: bool) -> Iterator[list[str]]:
    column = _address_column(plan, width)
    held_back = plan.held_back
    for change in plan.changes:
        mark, style = SIGNS[change.action]
        note = change.reason + (", held back" if change.name in held_back else "")
        yield [
            _heading(
                paint(style, f"  {mark} {change.action:<7}"), change.address, note, column, paint
            ),
            *_fields(change.fields, paint, width, full),
        ]


def _rejections(plan: Plan, paint: Paint, width: int, full: bool) -> Iterator[list[str]]:
    column = _address_column(plan, width)
    mark, style = REJECTED
    for item in plan.rejections:
        where = f" ({item.source.file}:{item.source.line})" if item.source else ""
        indent = " " * _FIELD_INDENT
        yield [
            _heading(paint(style, f"  {mark} reject "), item.address, item.code, column, paint),
            *_fields(item.fields, paint, width, full),
            *_wrap(item.message + where, indent, width),
            *_wrap("fix: " + item.fix, indent, width),
        ]


def _address_column(plan: Plan, width: int) -> int:
    addresses = [item.address for item in plan.changes]
    addresses += [item.address for item in plan.rejections]
    return min(max(map(cell_len, addresses), default=0), width // 2)


def _heading(action: str, address: str, note: str, column: int, paint: Paint) -> str:
    address = paint("bold", pad(safe(address), column))
    return f"{action}  {address}  {paint('dim', safe(note))}".rstrip()


def _fields(fields: Sequence[FieldChange], paint: Paint, width: int, full: bool) -> Iterator[str]:
    column = min(max((cell_len(field.path) for field in fields), default=0), _MOST_PATH_COLUMNS)
    for field in fields:
        path = " " * _FIELD_INDENT + pad(safe(field.path), column) + "  "
        before, after = value_text(field.before), value_text(field.after)
        if field.before is None:
            yield from value_lines(path, after, paint, "green", width, full)
        elif field.after is None:
            yield from value_lines(path, f"{before}{_ARROW}(none)", paint, "red", width, full)
        elif cell_len(path + before + _ARROW + after) <= width:
            yield path + paint("red", before) + _ARROW + paint("green", after)
        else:
            yield path.rstrip()
            deeper = " " * (_FIELD_INDENT + 2)
            yield from value_lines(deeper + "- ", before, paint, "red", width, full)
            yield from value_lines(deeper + "+ ", after, paint, "green", width, full)
        for file, change in field.files.items():
            yield f"{' ' * (_FIELD_INDENT + 2)}{_FILE_SIGNS[change]} {safe(file)}"


def _latest(plan: Plan, paint: Paint) -> Iterator[str]:
    if plan.latest:
        yield ""
        yield paint("bold", "@latest")
        yield from columns(
            ("  " + safe(item.name), f"{item.before or '(none)'}{_ARROW}{item.after or '(none)'}")
            for item in plan.latest
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
        safe(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
