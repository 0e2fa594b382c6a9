"""What the parameters of a list ask for: a view, an order, a number, and pages."""

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


def page(call: Call, items: Sequence[_Item], size: int, render: Callable[[_Item], JSON]) -> JSON:
    """One page of a list, with a `nextLink` where more follow.

    `$top` is how many there are in all, and `$skip` how many came before this page (recorded).

    Args:
        call: the request.
        items: all that there are.
        size: how many a page has at most.
        render: makes JSON of one.

    Raises:
        ServiceError: a parameter is no number (400).
    """
    skip = _number(call.query, "$skip", 0)
    top = min(_number(call.query, "$top", len(items)), len(items))
    end = min(skip + size, top)
    content: dict[str, JSON] = {"value": [render(item) for item in items[skip:end]]}
    if end < top:
        query = urlencode({**call.query, "$skip": str(end)}, safe="$")
        content["nextLink"] = f"{call.url}?{query}"
    return content


def view_of(call: Call) -> tuple[bool, ...]:
    """The archived states that a list shows."""
    text = call.query.get("listViewType", "ActiveOnly")
    if text.lower() not in _VIEWS:
        raise user_error(f"{text} is no list view type: ActiveOnly, ArchivedOnly or All.")
    return _VIEWS[text.lower()]


def is_ascending(call: Call) -> bool:
    """Whether a list has the oldest first; the newest is (recorded) unless `$orderBy` says so."""
    text = call.query.get("$orderBy", "createdtime desc")
    match = _ORDER.fullmatch(text.strip().lower())
    if match is None:
        raise user_error(f"{text} is no order: createdtime asc or createdtime desc.")
    return match[1] != "desc"


def _number(query: Mapping[str, str], key: str, default: int) -> int:
    text = query.get(key)
    if text is None:
        return default
    if not text.isdecimal():
        raise user_error(f"{key} has to be a number.")
    return int(text)
