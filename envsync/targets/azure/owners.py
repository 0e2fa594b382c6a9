"""The owners of a container, in its own tags.

With them, one list of containers shows what a project owns. The first project that owns a version
is in `envsync.owner`, like on the version. Further projects that own versions of the same name are
in `envsync.owner.2` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Final

_OWNER: Final = re.compile(r"envsync\.owner(?:\.\d+)?")


def owners(tags: Mapping[str, str]) -> frozenset[str]:
    """Returns the projects that a container's tags name."""
    return frozenset(value for key, value in tags.items() if _OWNER.fullmatch(key) and value)


def with_owner(tags: Mapping[str, str], owner: str) -> dict[str, str]:
    """Returns the tags of a container with one more project."""
    if owner in owners(tags):
        return dict(tags)
    if "envsync.owner" not in tags:
        return {**tags, "envsync.owner": owner}
    # A tag has one value, so each further project gets its own tag.
    number = next(number for number in count(2) if f"envsync.owner.{number}" not in tags)
    return {**tags, f"envsync.owner.{number}": owner}
