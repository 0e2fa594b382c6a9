"""Lays out fields for a terminal: the names are in one column, and the values in the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Final

from envsync.render.paint import Paint, cells, pad, shorten
from envsync.render.values import NONE, wrapped

if TYPE_CHECKING:
    from envsync.render.field_view import FieldView, ItemLine

ARROW: Final = " → "

MOST_ITEMS: Final = 40
"""The number of items of one list, or files of one build context, that are shown by default."""

_MOST_VALUE_LINES: Final = 6
# Values get at least this many columns. In a very narrow terminal, lines are too long instead,
# because a value in fewer columns cannot be read.
_LEAST_COLUMNS: Final = 20
_STYLES: Final = {"": "green", "+": "green", "-": "red", "~": "yellow"}


def label_width(fields: Iterable[FieldView], width: int) -> int:
    """Returns the number of columns for the names of fields.

    Args:
        fields: all fields that share the column. Names that are too long are wrapped.
        width: columns of the terminal.
    """
    longest = max((cells(field.path) for field in fields), default=0)
    return min(longest, max(16, min(40, width * 35 // 100)))


def field_lines(
    field: FieldView, column: int, paint: Paint, *, indent: int, width: int, full: bool
) -> Iterator[str]:
    """Yields the lines of one field: the name, and in the next column the value or the differences.

    Args:
        field: the field.
        column: the number of columns of the name, from `label_width`.
        paint: a function that colours the values.
        indent: the number of spaces before the name.
        width: columns of the terminal.
        full: whether long values and long lists are shown in full.
    """
    room = max(_LEAST_COLUMNS, width - indent - column - 2)
    labels = [field.path]
    if cells(field.path) > column:
        labels = list(wrapped(field.path, column, separators="._/"))
    values = _value(field, _dimmed(paint) if field.context else paint, room, full)
    for label, value in zip_longest(labels, values, fillvalue=""):
        yield f"{' ' * indent}{pad(label, column)}  {value}".rstrip()


def value_lines(text: str, room: int, *, full: bool) -> list[str]:
    """Returns a value as lines of at most `room` columns.

    Unless `full` is True, a value with more than six lines is cut, and `…` is added.
    """
    # Most values fit. This is the fast path for large plans.
    if cells(text) <= room:
        return [text]
    if full:
        return list(wrapped(text, room))
    kept = list(islice(wrapped(text, room), _MOST_VALUE_LINES + 1))
    if len(kept) <= _MOST_VALUE_LINES:
        return kept
    return [*kept[: _MOST_VALUE_LINES - 1], shorten(kept[_MOST_VALUE_LINES - 1] + " …", room)]


def _dimmed(paint: Paint) -> Paint:
    """Returns a `Paint` that gives every text the same weak style."""
    return lambda _style, text: paint("dim", text)


def _value(field: FieldView, paint: Paint, room: int, full: bool) -> Iterator[str]:
    if field.note:
        yield paint("yellow", field.note)
    # If the files of a build context are known, they are shown instead of its digest.
    if full or not (field.items or field.note):
        yield from _scalar(field, paint, room, full)
    if field.note and not full:
        return
    for item in field.items if full else field.items[:MOST_ITEMS]:
        yield from _item(item, paint, room, full)
    if not full and (more := len(field.items) - MOST_ITEMS) > 0:
        yield paint("dim", f"… and {more} more, shown with -v")


def _scalar(field: FieldView, paint: Paint, room: int, full: bool) -> Iterator[str]:
    before, after = field.before, field.after
    if field.items and before is None and after is None:
        return
    if field.listed:
        for line in value_lines(after or NONE, room, full=full):
            yield paint("green", line)
    else:
        yield from _pair(before, after, paint, room=room, full=full)


def _item(item: ItemLine, paint: Paint, room: int, full: bool) -> Iterator[str]:
    before, after = item.before, item.after
    style = _STYLES[item.sign]
    if before is not None and after is not None:
        sign = paint(style, f"{item.sign} ")
        yield from _pair(before, after, paint, room=room, full=full, sign=sign)
        return
    text = (after if before is None else before) or ""
    start = f"{item.sign} " if item.sign else ""
    for line in _hanging(start, text, room, full):
        yield paint(style, line)


def _pair(
    before: str | None, after: str | None, paint: Paint, *, room: int, full: bool, sign: str = ""
) -> Iterator[str]:
    old, new = before or NONE, after or NONE
    if cells(old + ARROW + new) + (2 if sign else 0) <= room:
        yield sign + paint("red", old) + ARROW + paint("green", new)
        return
    for start, value, style in (("- ", before, "red"), ("+ ", after, "green")):
        if value is not None:
            for line in _hanging(start, value, room, full):
                yield paint(style, line)


def _hanging(start: str, text: str, room: int, full: bool) -> Iterator[str]:
    """Yields a wrapped text with `start` before its first line, and the other lines indented."""
    if not start and cells(text) <= room:
        yield text
        return
    # The items of nested lists have their own indentation.
    deeper = len(text) - len(text.lstrip(" ")) if len(text) < room else 0
    inner = room - len(start) - deeper
    for index, line in enumerate(value_lines(text[deeper:], inner, full=full)):
        yield (start if index == 0 else " " * len(start)) + " " * deeper + line
