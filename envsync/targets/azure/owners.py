"""The owners of a container, which are stored in the tags of the container.

The list of containers includes the tags of each container, so this list is enough to find the
containers in which a project owns versions. The tag `envsync.owner` contains the first project that
owns a version in the container. The tags `envsync.owner.2`, `envsync.owner.3` and so on contain
further projects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Final

_OWNER: Final = re.compile(r"envsync\.owner(?:\.\d+)?")


def owners(tags: Mapping[str, str]) -> frozenset[str]:
    """Returns the projects in the owner tags of a container."""
    return frozenset(value for key, value in tags.items() if _OWNER.fullmatch(key) and value)


def with_owner(tags: Mapping[str, str], owner: str) -> dict[str, str]:
    """Returns the tags of a container. If no tag contains `owner`, a tag with `owner` is added."""
    if owner in owners(tags):
        return dict(tags)
    if "envsync.owner" not in tags:
        return {**tags, "envsync.owner": owner}
    # A tag has one value, so each further project gets its own tag.
    number = next(number for number in count(2) if f"envsync.owner.{number}" not in tags)
    return {**tags, f"envsync.owner.{number}": owner}
