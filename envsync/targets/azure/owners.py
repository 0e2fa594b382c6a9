"""Which projects a container names as its owners, in its own tags.

One list of containers has to show what a project owns. The first project that owns a version is
`envsync.owner`, as on the version; where others own versions of the same name, they follow as
`envsync.owner.2` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Final

_OWNER: Final = re.compile(r"envsync\.owner(?:\.\d+)?")


def owners(tags: Mapping[str, str]) -> frozenset[str]:
    """The projects that a container's tags name."""
    return frozenset(value for key, value in tags.items() if _OWNER.fullmatch(key) and value)


def with_owner(tags: Mapping[str, str], owner: str) -> dict[str, str]:
    """The tags of a container with one more project."""
    if owner in owners(tags):
        return dict(tags)
    if "envsync.owner" not in tags:
        return {**tags, "envsync.owner": owner}
    number = next(number for number in count(2) if f"envsync.owner.{number}" not in tags)
    return {**tags, f"envsync.owner.{number}": owner}
