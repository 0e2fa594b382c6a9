"""Adds unchanged fields to the fields that differ, and shows no line twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.render.field_view import ItemLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envsync.render.field_view import FieldView


def with_unchanged(
    differs: Sequence[FieldView], fields: Iterable[FieldView]
) -> tuple[FieldView, ...]:
    """Returns all fields of a version, each field once.

    The fields that differ come first. In a list, the items that do not differ come after the items
    that differ, and have no sign. Each field that does not differ has `context` set to True.

    Args:
        differs: the fields that differ from the predecessor.
        fields: all fields of the version, in the same form as for a version without a predecessor.
    """
    views = {view.path: _without_inner(view, differs) for view in differs}
    for view in fields:
        items = tuple(_remaining(view, differs))
        if (shown := views.get(view.path)) is None:
            if items or not view.items:
                views[view.path] = replace(view, items=items, context=True)
        elif shown.items and not shown.note:
            # If the order differs, the whole list is part of the difference.
            views[view.path] = replace(shown, items=(*shown.items, *items))
    return tuple(views.values())


def _without_inner(view: FieldView, differs: Sequence[FieldView]) -> FieldView:
    """Removes the lines of a reordered list that `differs` also shows in a field below the list."""
    if not view.note:
        return view
    signed = (item for item in view.items if item.sign)
    order = replace(view, items=tuple(item for item in view.items if not item.sign))
    inner = [other for other in differs if other.path != view.path]
    return replace(view, items=(*signed, *_remaining(order, inner)))


def _remaining(view: FieldView, differs: Iterable[FieldView]) -> Iterator[ItemLine]:
    """Yields the lines of a list that `differs` does not show. Keys without values are left out."""
    if not view.items:
        return
    shown: Counter[str] = Counter()
    keys: set[str] = set()
    for other in differs:
        below = other.path.removeprefix(view.path)
        if other.path != view.path and (below == other.path or not below.startswith(".")):
            continue
        # Lines of nested values are indented by two spaces for each level.
        indent = "  " * below.count(".")
        shown.update(f"{indent}{item.after}" for item in other.items if item.after is not None)
        if not other.items:
            keys.add(indent[2:] + below.rpartition(".")[2])
    kept: list[str] = []
    for text in (item.after or "" for item in view.items):
        if shown[text]:
            shown[text] -= 1
        elif text.partition(":")[0] not in keys:
            kept.append(text)
    for text, following in zip(kept, [*kept[1:], ""], strict=False):
        # A key such as `pip:` is left out if all its values are left out.
        if not text.endswith(":") or _depth(following) > _depth(text):
            yield ItemLine("", None, text)


def _depth(text: str) -> int:
    return len(text) - len(text.lstrip(" "))
