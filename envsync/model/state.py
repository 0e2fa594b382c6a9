"""The actual state: what a target holds, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from envsync.model.environment import Environment


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version as a target holds it.

    Attributes:
        archived: archived on its own, whatever its container is.
        created: when it was created, ISO 8601 in UTC; for people, never for ordering.
        curated: belongs to the service itself; nobody may change it.
        context_uri: where the service keeps its build context; for people, who may look there.
    """

    environment: Environment
    archived: bool = False
    created: str = ""
    curated: bool = False
    context_uri: str | None = field(default=None, compare=False)

    @property
    def version(self) -> str:
        """The version's own name."""
        return self.environment.key.version

    @property
    def owner(self) -> str | None:
        """The project that owns it, if any."""
        return self.environment.provenance.owner


@dataclass(frozen=True, slots=True)
class Container:
    """An environment name with all its versions, as a target holds it.

    Attributes:
        archived: hides every version, whatever their own state.
        versions: in order of creation, oldest first: that order is what `@latest` goes by.
        next_version: what the service would call the next version of itself.
        may_echo: it is archived, and that its versions show as archived may only repeat that.
    """

    name: str
    versions: tuple[RegisteredVersion, ...] = ()
    archived: bool = False
    next_version: str = "1"
    may_echo: bool = False

    @property
    def active(self) -> tuple[RegisteredVersion, ...]:
        """The versions that lists show: none where the container is archived."""
        return () if self.archived else tuple(v for v in self.versions if not v.archived)

    @property
    def latest(self) -> str | None:
        """What `@latest` means here: the most recently created active version."""
        active = self.active
        return active[-1].version if active else None


State: TypeAlias = Mapping[str, Container]
"""What a target holds: containers by name."""
