"""The query parameters of lists: view, order, number of items, and pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from envsync.emulator.service.errors import user_error
from envsync.emulator.service.routing import Call
from envsync.model.canonical import JSON

_Item = TypeVar("_Item")
_VIEWS = {"activeonly": (False,), "archivedonly": (True,), "all": (False, True)}
_ORDER = re.compile(r"createdtime(?: (asc|desc))?")


def page(call: Call, items: Sequence[_Item], *, size: int, render: Callable[[_Item], JSON]) -> JSON:
    """Returns a page of a list, with a `nextLink` if there is another page.

    As in recorded responses, `$top` limits the items of all pages together, and `$skip` is the
    number of items on all earlier pages.

    Args:
        call: the request.
        items: all items of the list.
        size: maximum number of items on a page.
        render: a function that converts an item to JSON.

    Raises:
        ServiceError: a parameter is not a number (400).
    """
    start, end, top = _bounds(call, len(items), size)
    content: dict[str, JSON] = {"value": [render(item) for item in items[start:end]]}
    if end < top:
        query = urlencode({**call.query, "$skip": str(end)}, safe="$")
        content["nextLink"] = f"{call.url}?{query}"
    return content


def items_on_page(call: Call, items: Sequence[_Item], *, size: int) -> Sequence[_Item]:
    """Returns the items of a page. Raises the same exceptions as `page`."""
    start, end, _ = _bounds(call, len(items), size)
    return items[start:end]


def _bounds(call: Call, count: int, size: int) -> tuple[int, int, int]:
    """Returns the start and the end of a page, and the number of items on all pages together."""
    start = _number(call.query, "$skip", 0)
    # `$top` can be larger than the number of items.
    top = min(_number(call.query, "$top", count), count)
    return start, min(start + size, top), top


def view_of(call: Call) -> tuple[bool, ...]:
    """Returns the values of `isArchived` that select items of a list: True, False or both.

    Raises:
        ServiceError: `listViewType` has an unknown value (400).
    """
    text = call.query.get("listViewType", "ActiveOnly")
    if text.lower() not in _VIEWS:
        raise user_error(f"listViewType is {text!r}; it must be ActiveOnly, ArchivedOnly or All.")
    return _VIEWS[text.lower()]


def is_ascending(call: Call) -> bool:
    """Returns True if a list must start with the oldest item.

    Without `$orderBy`, the newest item comes first, as in recorded responses.

    Raises:
        ServiceError: `$orderBy` has an unknown value (400).
    """
    text = call.query.get("$orderBy", "createdtime desc")
    match = _ORDER.fullmatch(text.strip().lower())
    if match is None:
        raise user_error(f"$orderBy is {text!r}; it must be createdtime asc or createdtime desc.")
    return match[1] != "desc"


def _number(query: Mapping[str, str], key: str, default: int) -> int:
    text = query.get(key)
    if text is None:
        return default
    if not text.isdecimal():
        raise user_error(f"{key} is {text!r}; it must be a number.")
    return int(text)
