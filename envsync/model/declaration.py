"""`Declaration`: the content of one environment file, and its position."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.environment import EnvironmentSpec, Metadata


class Source(Struct, frozen=True):
    """The position of a declaration: a file and a line.

    Attributes:
        file: path relative to the project directory, with `/` on every platform.
        line: the number of the line, from 1.
    """

    file: str
    line: int

    def to_json(self) -> dict[str, JSON]:
        """Returns the source as JSON data."""
        return {"file": self.file, "line": self.line}

    @classmethod
    def from_json(cls, data: Any) -> Source:
        """Creates the source from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError: the data is not a mapping with the keys `file` and `line`.
        """
        return cls(data["file"], data["line"])


class Declaration(Struct, frozen=True):
    """The content of one environment file: the desired state of one environment version.

    Attributes:
        version: the version in the file. If None, envsync assigns the version (`versions: auto`).
        source: the line in the file that declares the name.
        suffix: the text at the end of `name` that the target has appended to the name in the file.
            Empty if the target has no suffix.
        copies: other files that declare the same version with the same content.
    """

    name: str
    # Unlike EnvironmentKey.version, Declaration.version can be None, because envsync reads the
    # target before it assigns a version.
    version: str | None
    spec: EnvironmentSpec
    metadata: Metadata
    source: Source
    suffix: str = ""
    copies: tuple[Source, ...] = ()

    @property
    def declared_name(self) -> str:
        """The name in the file, without the suffix of the target."""
        return self.name.removesuffix(self.suffix)
