"""`Drifted`: the edit in the target that a change would overwrite."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from envsync.model.canonical import JSON


class Drifted(Struct, frozen=True):
    """The edit in the target that a change would overwrite.

    Attributes:
        fields: the paths of the fields that were edited, such as `tags.owner`.
        certain: True if exactly these fields were edited. False if somebody edited the version, but
            it is unknown which of these fields.
        by: who wrote the version last. None if the target does not report it.
        at: when the version was written last, ISO 8601 in UTC. None if the target does not report
            it.
    """

    fields: tuple[str, ...]
    certain: bool = True
    by: str | None = None
    at: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Returns the edit as JSON data."""
        return {
            "fields": list(self.fields),
            "certain": self.certain,
            "by": self.by,
            "at": self.at,
        }

    @classmethod
    def from_json(cls, data: Any) -> Drifted:
        """Creates the edit from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError: a key is missing, or the data is not a mapping.
        """
        return cls(tuple(data["fields"]), data["certain"], data["by"], data["at"])
