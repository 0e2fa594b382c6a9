"""`Declaration`: what one environment file declares, and where."""

from __future__ import annotations

from dataclasses import dataclass

from envsync.model.environment import EnvironmentSpec, Metadata


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is declared: a file relative to the project directory, and a 1-based line."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """One environment file: the desired state of one environment version.

    Attributes:
        version: None where the file has none and envsync looks after it (`versions: auto`).
    """

    name: str
    version: str | None
    spec: EnvironmentSpec
    metadata: Metadata
    source: Source
