"""Renders the changes of a plan as a block of GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from envsync.render.field_text import MOST_ITEMS, differing, item_lines, name_width, value_lines
from envsync.render.gfm import fence
from envsync.render.paint import cells, pad
from envsync.render.plan_view import MOST_CHANGES, ItemView, PlanView
from envsync.render.section import Section, enough
from envsync.render.values import wrapped

if TYPE_CHECKING:
    from envsync.render.field_view import FieldView, ItemLine

WIDTH: Final = 96
"""The approximate number of columns that a code block in a GitHub comment shows."""

# Syntax highlighting of diffs colours lines that begin with `+`, `-` or `!`, but not `~` or `^`.
_MARKS: Final = {"+": "+", "~": "!", "-": "-", "^": "+"}
_MOST_PATH_COLUMNS: Final = 36
_LEAST_COLUMNS: Final = 40
# A list of changes with more than this number of lines is folded, so that the reader sees the text
# after the list.
_MOST_LINES_OPEN: Final = 60


def changes_section(shown: PlanView, parts: Sequence[ItemView], room: float, title: str) -> Section:
    """Returns a section that shows some changes of a plan.

    Args:
        shown: the whole plan, because all sections of changes have the same columns.
        parts: the changes of the section.
        room: the size in bytes. After this size is exceeded, no more changes are rendered.
        title: the title of the section.
    """
    address = name_width((item.address for item in shown.changes), WIDTH)
    label = label_width(field for item in shown.changes for field in item.fields)
    items = enough(_apart(_change(item, address, label) for item in parts), room)
    lines = "".join(items)
    opening, closing = fence(lines, "diff")
    if len(shown.changes) > MOST_CHANGES or lines.count("\n") > _MOST_LINES_OPEN:
        title = f"<details><summary>{title}</summary>"
        closing += "\n</details>\n"
    else:
        title = f"**{title}**"
    # GitHub renders Markdown inside <details> only after an empty line.
    opening = f"\n{title}\n\n{opening}"
    return Section(
        name="changes",
        count=len(parts),
        items=items,
        opening=opening,
        closing=closing,
    )


def _apart(blocks: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yields each block as text.

    An empty line separates two blocks, unless both have a single line. A block with a single line
    is a change without fields.
    """
    before: Sequence[str] = ()
    for block in blocks:
        apart = before and not len(before) == len(block) == 1
        yield ("\n" if apart else "") + joined(block)
        before = block


def _change(item: ItemView, address: int, label: int) -> list[str]:
    start = f"{_MARKS[item.sign]} {item.action:<7}  "
    title = f"{start}{pad(item.address, address)}  {item.note}".rstrip()
    titles = [title]
    if cells(item.address) > address and cells(title) > WIDTH:
        below = " " * 6
        reason = wrapped(item.note, WIDTH - len(below))
        titles = [start + item.address, *(below + line for line in reason)]
    drifted = (f"!   {line}" for line in wrapped(item.drifted, WIDTH - 4) if line)
    return [*titles, *drifted, *field_lines(item.fields, label)]


def label_width(fields: Iterable[FieldView]) -> int:
    """Returns the number of columns for the names of fields."""
    longest = max((cells(field.path) for field in fields), default=0)
    return min(longest, _MOST_PATH_COLUMNS)


def field_lines(fields: Iterable[FieldView], column: int) -> Iterator[str]:
    """Yields the lines of fields, with the names of fields in a column."""
    for field in fields:
        for mark, label, text in _values(field):
            # A name that is too long for the column moves the value to the right.
            start = f"  {pad(label, column)}  "
            room = max(_LEAST_COLUMNS, WIDTH - cells(start))
            split = item_lines if field.items else value_lines
            for line in split(text, room, full=False):
                yield f"{mark} {start}{line}".rstrip()
                start = " " * cells(start)


def _values(field: FieldView) -> Iterator[tuple[str, str, str]]:
    """Yields a diff sign, a name and a value for each line of a field."""
    if field.note:
        yield "!", field.path, field.note
    if field.items:
        items = differing(field) if field.note else field.items
        for index, (mark, text) in enumerate(_items(items)):
            # Only the first line has the name of the field.
            yield mark, "" if index or field.note else field.path, text
    elif not field.note:
        if field.before is not None:
            yield "-", field.path, field.before
        if field.after is not None:
            yield "+", field.path, field.after


def _items(items: Sequence[ItemLine]) -> Iterator[tuple[str, str]]:
    for item in items[:MOST_ITEMS]:
        if item.before is not None:
            yield "-", item.before
        if item.after is not None:
            # For a modified file, only `after` is set.
            yield "!" if item.sign == "~" and item.before is None else "+", item.after
    if (more := len(items) - MOST_ITEMS) > 0:
        yield " ", f"… and {more} more"


def joined(lines: Iterable[str]) -> str:
    """Returns lines as text, each with its line break."""
    return "".join(f"{line}\n" for line in lines)
