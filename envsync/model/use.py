"""`Use`: who uses an environment, and where, as a plan shows it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from envsync.model.canonical import JSON

Certainty: TypeAlias = Literal["exact", "probable"]
"""`exact` for what azure-ai-ml reads from YAML. `probable` for Python code and for placeholders."""

User: TypeAlias = Literal[
    "job", "pipeline", "component", "deployment", "schedule", "python", "notebook", "unknown"
]
"""The kind of file or asset that uses the environment."""


class Use(Struct, frozen=True):
    """A reference as a plan shows it: who uses an environment, and where.

    Attributes:
        file: path relative to the project directory, with `/`.
        line: the number of the line, from 1.
        user: the kind of file or asset.
        certainty: whether azure-ai-ml certainly reads the reference.
    """

    file: str
    line: int
    user: User
    certainty: Certainty

    @property
    def where(self) -> str:
        """`file:line` of the reference."""
        return f"{self.file}:{self.line}"

    def to_json(self) -> dict[str, JSON]:
        """Returns the use as JSON data."""
        return {
            "file": self.file,
            "line": self.line,
            "user": self.user,
            "certainty": self.certainty,
        }

    @classmethod
    def from_json(cls, data: Any) -> Use:
        """Creates the use from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError: the data is not a mapping, or a key is missing.
        """
        return cls(data["file"], data["line"], data["user"], data["certainty"])
