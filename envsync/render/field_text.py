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
"""The maximum number of list items, or of files of a build context, that are shown without `-v`."""

_MOST_VALUE_LINES: Final = 6
# Values get at least this many columns, because a narrower value cannot be read. In a very narrow
# terminal, lines are wider than the terminal.
_LEAST_COLUMNS: Final = 20
_STYLES: Final = {"": "green", "+": "green", "-": "red", "~": "yellow"}
# If an item has several lines, all lines after the first are indented by this many columns.
# Otherwise, these lines would look like other items.
_HANG: Final = 2


_MOST_COLUMNS: Final = 480
"""A value is shown on one line in full if the value has at most this many columns."""


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

    Unless `full` is True, a value with more than six lines or 480 columns is cut, and `…` is added.
    """
    # Most values fit into one line, so this early return makes large plans fast.
    if cells(text) <= min(room, _MOST_COLUMNS):
        return [text]
    # If `room` is unlimited, the text can be a whole script, so it is shortened unless `full` is
    # True.
    if cells(text) <= room:
        return [text if full else shorten(text, _MOST_COLUMNS)]
    if full:
        return list(wrapped(text, room))
    kept = list(islice(wrapped(text, room), _MOST_VALUE_LINES + 1))
    if len(kept) <= _MOST_VALUE_LINES:
        return kept
    return [*kept[: _MOST_VALUE_LINES - 1], shorten(kept[_MOST_VALUE_LINES - 1] + " …", room)]


def item_lines(text: str, room: int, *, full: bool) -> list[str]:
    """Returns an item of a list as lines. All lines after the first are indented.

    An item of a nested list begins with spaces, which are kept. `full` has the same meaning as in
    `value_lines`.
    """
    if cells(text) <= room:
        return [text]
    inner = text.lstrip(" ")
    indent = " " * min(len(text) - len(inner), room // 3)
    first, *rest = value_lines(inner, room - len(indent) - _HANG, full=full)
    return [indent + first, *(indent + " " * _HANG + line for line in rest)]


def name_width(names: Iterable[str], width: int) -> int:
    """Returns the number of columns for names at the beginning of lines.

    Names wider than half a line are ignored. Otherwise, one long name would move all texts to the
    right.
    """
    return max((size for size in map(cells, names) if size <= width // 2), default=0)


def named_lines(
    rows: Iterable[tuple[str, str]], width: int, indent: str = ""
) -> Iterator[list[str]]:
    """Yields the lines of each row. If a row is too long for one line, the text is below the name.

    Args:
        rows: names and texts.
        width: columns of a line.
        indent: spaces before each name.
    """
    rows = list(rows)
    column = name_width((name for name, _ in rows), width)
    for name, text in rows:
        line = f"{indent}{pad(name, column)}  {text}"
        if cells(line) <= width:
            yield [line]
        else:
            below = indent + " " * 4
            parts = wrapped(text, width - len(below))
            yield [indent + name, *(below + part for part in parts)]


def differing(field: FieldView) -> tuple[ItemLine, ...]:
    """Returns the differing items of a list, without the items that only show the new order."""
    return tuple(item for item in field.items if item.sign)


def _dimmed(paint: Paint) -> Paint:
    """Returns a `Paint` that ignores the given style and always uses the style `dim`."""
    return lambda _style, text: paint("dim", text)


def _value(field: FieldView, paint: Paint, room: int, full: bool) -> Iterator[str]:
    if field.note:
        yield paint("yellow", field.note)
    # If the files of a build context are known, the files are shown instead of the digest.
    if full or not (field.items or field.note):
        yield from _scalar(field, paint, room, full)
    items = field.items if full or not field.note else differing(field)
    # A line without a sign begins with spaces, so that it is aligned with lines that have a sign.
    blank = "  " if any(item.sign for item in items) else ""
    for item in items if full else items[:MOST_ITEMS]:
        yield from _item(item, paint, room, full, blank)
    if not full and (more := len(items) - MOST_ITEMS) > 0:
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


def _item(item: ItemLine, paint: Paint, room: int, full: bool, blank: str) -> Iterator[str]:
    before, after = item.before, item.after
    if before is not None and after is not None:
        yield from _pair(before, after, paint, room=room, full=full, sign=item.sign)
        return
    text = (after if before is None else before) or ""
    style = "dim" if blank and not item.sign else _STYLES[item.sign]
    start = f"{item.sign} " if item.sign else blank
    lines = item_lines(text, room - len(start), full=full)
    yield from (paint(style, line) for line in _below(start, lines))


def _pair(
    before: str | None, after: str | None, paint: Paint, *, room: int, full: bool, sign: str = ""
) -> Iterator[str]:
    """Yields the values before and after on one line, or on two lines if one line is too short.

    If `sign` is not empty, the values are items of a list.
    """
    old, new = before or NONE, after or NONE
    start = paint(_STYLES[sign], f"{sign} ") if sign else ""
    if cells(old) + len(ARROW) + cells(new) + (2 if sign else 0) <= room:
        yield start + paint("red", old) + ARROW + paint("green", new)
        return
    split = item_lines if sign else value_lines
    for start, value, style in (("- ", before, "red"), ("+ ", after, "green")):
        if value is not None:
            lines = split(value, room - len(start), full=full)
            yield from (paint(style, line) for line in _below(start, lines))


def _below(start: str, lines: Iterable[str]) -> Iterator[str]:
    """Yields lines, with `start` before the first line, and spaces before the other lines."""
    for index, line in enumerate(lines):
        yield (" " * len(start) if index else start) + line
