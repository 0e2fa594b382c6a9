"""`VersionDrift`: the drift of one version, or of a whole environment."""

from __future__ import annotations

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.declaration import Source
from envsync.model.state import Modification
from envsync.plan.drift import Difference, Origin


class VersionDrift(Struct, frozen=True):
    """The differences of one version, or of a whole environment, that were not made in git.

    Attributes:
        version: the version. None for a whole environment.
        source: the position of the declaration. None if no file declares the version.
        edited: True if the description or a tag was edited. None if this is unknown.
        differences: the fields that differ. `archived` and `owner` are fields as well. Differences
            that were made in git are not included.
        modified: the last write to the version or environment. None if the target does not report
            it.
        note: a sentence about the difference. Empty if the fields need no explanation.
    """

    name: str
    version: str | None
    source: Source | None = None
    edited: bool | None = None
    differences: tuple[Difference, ...] = ()
    modified: Modification | None = None
    note: str = ""

    @property
    def address(self) -> str:
        """`name:version`, or only the name for a whole environment."""
        return self.name if self.version is None else f"{self.name}:{self.version}"

    @property
    def is_drift(self) -> bool:
        """True if it is certain that the target was changed, and not only the file."""
        if any(item.is_drift for item in self.differences):
            return True
        # The version was edited, but it is unknown which of the fields were edited.
        return self.edited is True and (bool(self.differences) or self.source is None)

    def explains(self, path: str) -> bool:
        """Returns True if this field was changed only in the target, and not in git."""
        found = (item for item in self.differences if item.field.path == path)
        return any(item.origin is Origin.TARGET for item in found)

    def to_json(self) -> dict[str, JSON]:
        """Returns the differences as JSON data."""
        last = self.modified
        return {
            "name": self.name,
            "version": self.version,
            "source": None if self.source is None else self.source.to_json(),
            "edited": self.edited,
            "by": None if last is None else last.by,
            "at": None if last is None else last.at,
            "fields": [
                {
                    "path": item.field.path,
                    "target": item.field.before,
                    "file": item.field.after,
                    "origin": str(item.origin),
                }
                for item in self.differences
            ],
            "note": self.note,
        }
