"""`ReferenceMove`: a reference that can move to the newest version in a registry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.reference import LATEST, Reference
from envsync.model.state import State

_END: Final = re.compile(r"/(?:labels|versions)/[^/]+/?\Z", re.IGNORECASE)


class ReferenceMove(Struct, frozen=True):
    """A reference that does not name the newest version.

    Attributes:
        reference: the reference, as the file contains it.
        after: the newest version.
        reason: why the file is not changed, as a sentence; empty if the file is changed.
    """

    reference: Reference
    after: str
    reason: str = ""

    @property
    def text(self) -> str:
        """The new text of the reference."""
        return _END.sub(lambda _: f"/versions/{self.after}", self.reference.text)

    @property
    def before(self) -> str:
        """The version in the file, or `latest`."""
        return self.reference.version or LATEST

    def to_json(self) -> dict[str, JSON]:
        """Returns the move as JSON data."""
        item = self.reference
        return {
            "file": item.file,
            "line": item.line,
            "column": item.column,
            "registry": item.registry,
            "name": item.name,
            "before": self.before,
            "after": self.after,
            "changed": not self.reason,
            "reason": self.reason or None,
        }


def in_registries(
    references: Iterable[Reference], own: Iterable[str]
) -> dict[str, tuple[Reference, ...]]:
    """Maps each registry to the references to its environments.

    Args:
        references: all references.
        own: the registries that are targets of the project. The project itself creates the versions
            in these registries, so references to them are left out.
    """
    left_out = {registry.lower() for registry in own}
    found: dict[str, list[Reference]] = {}
    for item in references:
        is_pinned = item.form == "registry-version" and item.version is not None
        is_latest = item.form == "registry-label" and item.label == LATEST
        if not (is_pinned or is_latest) or "floating-reference" in item.ignored:
            continue
        if item.registry and item.name and item.registry not in left_out:
            found.setdefault(item.registry, []).append(item)
    return {registry: tuple(items) for registry, items in sorted(found.items())}


def moved_references(references: Iterable[Reference], state: State) -> list[ReferenceMove]:
    """Returns the references that do not name the newest version in a registry.

    References to environments that the registry does not have are left out. `refs` reports them.
    """
    return [
        ReferenceMove(item, newest)
        for item, newest in ((item, _newest(item, state)) for item in references)
        if newest is not None and newest != item.version
    ]


def _newest(reference: Reference, state: State) -> str | None:
    container = state.get(reference.name or "")
    return container.latest if container else None
