"""`FieldView`: the strings of one field of a change, in the same form for text and Markdown.

Lists are shown with one line for each item. All differing items of a list are grouped in one field.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.canonical import canonical_json
from envsync.model.masking import MASK
from envsync.model.wording import printable
from envsync.render.values import plain_text, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envsync.model.canonical import JSON
    from envsync.plan.change import FieldChange

REORDERED: Final = "reordered"
"""The note of a list that has the same items in the target, but in another order."""

_FILE_SIGNS = {"added": "+", "modified": "~"}

_CONDA_FILE: Final = "conda_file"
# People write the keys of a conda file in this order, but the keys in a plan are in alphabetical
# order.
_CONDA_KEYS: Final = ("name", "channels", "dependencies")

# Matches a quoted key such as `["a[3]"]`, or the index of a list item.
_STEPS: Final = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')
_ITEM: Final = re.compile(r"\[\d+\]\Z")


class ItemLine(Struct, frozen=True):
    """One item of a list, or one file of a build context.

    Attributes:
        sign: `+`, `-` or `~`; empty in a list that is shown whole.
        before: the item in the target, or the path of a removed file; None if the file was not
            removed, or if the item is not in the target.
        after: the declared item, or the path of an added or modified file; None if the file was
            removed, or if the item is not declared.
    """

    sign: str
    before: str | None
    after: str | None


class FieldView(Struct, frozen=True):
    """One field that differs, or one field of a new version.

    Attributes:
        before: the value in the target; None if there is no value, or if `items` shows the
            difference.
        after: the declared value; None if there is no value, or if `items` shows the difference.
        items: the differing items of a list, all items of a new list, or the differing files of a
            build context. If `items` is not empty, renderers can leave out `before` and `after`.
        listed: whether the field belongs to a new version that is not compared with another
            version.
        note: `reordered` if the order of a list differs. In this case, the last items are the whole
            list in its new order, without signs. Renderers can leave out the items without signs.
        context: True if the field does not differ, and is shown only for completeness.
    """

    path: str
    before: str | None
    after: str | None
    items: tuple[ItemLine, ...] = ()
    listed: bool = False
    note: str = ""
    context: bool = False


def field_views(fields: Iterable[FieldChange], *, listed: bool = False) -> tuple[FieldView, ...]:
    """Converts fields to views, in the given order.

    If a list has several differences (in its order and its items), the differences become one
    field, at the position of the first difference.

    Args:
        fields: the fields of a change or a rejection.
        listed: whether the fields belong to a new version that is not compared with another
            version.
    """
    groups: list[list[FieldView]] = []
    lists: dict[str, list[FieldView]] = {}
    for field in fields:
        ordered = _is_reordered(field)
        if not ordered and (not field.path.endswith("]") or not _ITEM.search(field.path)):
            groups += ([view] for view in _views(field, listed))
            continue
        view = _reordered(field) if ordered else _item(field)
        if view.path not in lists:
            lists[view.path] = []
            groups.append(lists[view.path])
        lists[view.path].append(view)
    return tuple(map(_merged, groups))


@lru_cache(maxsize=64)
def _list_label(path: str) -> str:
    """Returns the path of a list without indices.

    `conda_file.dependencies[4].pip` is shown as `conda_file.dependencies.pip`.
    """
    return printable(_STEPS.sub(lambda step: "" if step[0][1] != '"' else step[0], path))


def _is_reordered(field: FieldChange) -> bool:
    before, after = field.before, field.after
    return isinstance(before, list) and isinstance(after, list) and _same_items(before, after)


def _reordered(field: FieldChange) -> FieldView:
    items = tuple(ItemLine("", None, line) for line in _lines(field.after))
    return FieldView(_list_label(field.path), None, None, items, note=REORDERED)


def _merged(views: Sequence[FieldView]) -> FieldView:
    """Combines the views of one list: first the items that differ, then the order."""
    first = views[0]
    if len(views) == 1:
        return first
    items = _distinct_items(item for view in views for item in view.items)
    if not any(view.note for view in views):
        return replace(first, items=items)
    signed = (item for item in items if item.sign)
    order = (item for item in items if not item.sign)
    return replace(first, items=(*signed, *order), note=REORDERED)


def _item(field: FieldChange) -> FieldView:
    label = _list_label(field.path.rpartition("[")[0])
    return FieldView(label, None, None, tuple(_item_lines(field)))


def _item_lines(field: FieldChange) -> list[ItemLine]:
    """Returns the lines of one item of a list. A nested item has several lines."""
    before, after = field.before, field.after
    if before is None:
        return [ItemLine("+", None, line) for line in _lines([after])]
    if after is None:
        return [ItemLine("-", line, None) for line in _lines([before])]
    old, new = plain_text(before), plain_text(after)
    return [ItemLine("~", old, _distinct(old, new))]


def _views(field: FieldChange, listed: bool) -> Iterator[FieldView]:
    path, before, after = printable(field.path), field.before, field.after
    if before is None and isinstance(after, list | dict) and after:
        for name, value in _parts(path, after):
            sign = "" if listed else "+"
            items = tuple([ItemLine(sign, None, line) for line in _lines(value)])
            yield FieldView(name, None, None, items, listed=listed)
    elif after is None and isinstance(before, list | dict) and before:
        for name, value in _parts(path, before):
            items = tuple(ItemLine("-", line, None) for line in _lines(value))
            yield FieldView(name, None, None, items)
    else:
        # An absent description is None, but an empty description is "", so compare with None.
        old = None if before is None else value_text(before)
        yield FieldView(
            path=path,
            before=old,
            after=None if after is None else _distinct(old, value_text(after)),
            items=_files(field.files),
            listed=listed,
        )


def _distinct(before: str | None, after: str) -> str:
    """Returns the text of a new value, with a note if only a hidden credential is different."""
    return f"{after} (another credential)" if after == before and MASK in after else after


def _distinct_items(items: Iterable[ItemLine]) -> tuple[ItemLine, ...]:
    """Adds a note to each new item that differs from a removed item only in a credential."""
    listed = tuple(items)
    removed = {item.before for item in listed if item.sign == "-"}
    return tuple(
        replace(item, after=_distinct(item.after, item.after))
        if item.sign == "+" and item.after is not None and item.after in removed
        else item
        for item in listed
    )


def _same_items(before: list[JSON], after: list[JSON]) -> bool:
    return sorted(map(canonical_json, before)) == sorted(map(canonical_json, after))


def _files(files: Mapping[str, str]) -> tuple[ItemLine, ...]:
    return tuple(
        ItemLine("-", printable(file), None)
        if what == "removed"
        else ItemLine(_FILE_SIGNS[what], None, printable(file))
        for file, what in files.items()
    )


def _parts(path: str, value: JSON) -> Iterator[tuple[str, JSON]]:
    """Yields the path and value of a field. A conda file is split into one field for each key."""
    if path != _CONDA_FILE or not isinstance(value, dict):
        yield path, value
        return
    for key in (*_CONDA_KEYS, *(key for key in value if key not in _CONDA_KEYS)):
        if key in value:
            yield f"{path}.{printable(key)}", value[key]


def _lines(value: JSON) -> list[str]:
    """Returns a value as lines, with nested values below their key and indented."""
    lines: list[str] = []
    if isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                lines.append(printable(item))
            elif isinstance(item, dict) and item:
                lines += _lines(item)
            else:
                lines.append(plain_text(item))
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, list | dict) and item:
                lines.append(f"{printable(key)}:")
                lines += [f"  {line}" for line in _lines(item)]
            else:
                lines.append(f"{printable(key)}: {plain_text(item)}")
    else:
        lines.append(plain_text(value))
    return lines
