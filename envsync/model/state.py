"""The actual state: the content of a target, as immutable values.

A `State` maps names to containers. A `Container` is an environment name with all its versions. Each
version is a `RegisteredVersion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

from envsync.model.canonical import JSON
from envsync.model.environment import Environment
from envsync.model.value import Value


class Modification(Struct, frozen=True):
    """The last write to a version or container in a target.

    Attributes:
        by: the user or application that made the write, as the target names it.
        at: the time of the write, ISO 8601 in UTC.
    """

    by: str
    at: str


class RegisteredVersion(Value, frozen=True):
    """One version that is registered in a target.

    Attributes:
        archived: whether the version itself is archived, independently of its container.
        created: time of creation, ISO 8601 in UTC.
        curated: whether the version belongs to the service, so that users cannot change it.
        context_uri: the URL of the build context in the service.
        extra: the fields of the version that an environment file cannot declare, by their path in
            the service, such as `properties.team`.
        modified: the last write after the creation. None if there was no such write, or if the
            target does not report it.
    """

    uncompared = ("context_uri", "extra", "modified")

    environment: Environment
    archived: bool = False
    # Use `created` only for display. Do not sort by `created`, because two versions can have the
    # same time. `Container.versions` is in the order of creation.
    created: str = ""
    curated: bool = False
    context_uri: str | None = None
    extra: Mapping[str, JSON] = field(default_factory=dict)
    modified: Modification | None = None

    @property
    def version(self) -> str:
        """The version without the name of the environment, such as `1`."""
        return self.environment.key.version

    @property
    def owner(self) -> str | None:
        """The project that owns the version. None if the version has no owner."""
        return self.environment.provenance.owner

    def to_json(self) -> dict[str, JSON]:
        """Returns the version as JSON data, as `show NAME:VERSION --format json` prints it."""
        environment = self.environment
        spec = environment.spec.to_json()
        build = spec.get("build")
        if isinstance(build, dict) and self.context_uri is not None:
            spec["build"] = {**build, "context_uri": self.context_uri}
        return {
            "name": environment.key.name,
            "version": environment.key.version,
            **spec,
            "description": environment.metadata.description,
            "tags": dict(environment.metadata.tags),
            "archived": self.archived,
            "created": self.created,
            "owner": self.owner,
            "digest": environment.provenance.digest,
            "source": environment.provenance.source,
            "commit": environment.provenance.commit,
        }


class Container(Value, frozen=True):
    """An environment name with all its versions in a target.

    Attributes:
        archived: whether the container is archived. An archived container hides all its versions.
        versions: the versions in the order of creation, oldest first.
        next_version: the version that the service would assign next.
        may_echo: True if the container is archived and the service reports every version as
            archived. In this case, it is unknown which versions are archived individually.
        marks: the projects that the target lists as owners of versions in the container. None if
            the target does not need this list, or may not be able to store it.
        modified: the last write to the container itself after its creation. None if there was no
            such write, or if the target does not report it.
    """

    uncompared = ("marks", "modified")

    name: str
    versions: tuple[RegisteredVersion, ...] = ()
    archived: bool = False
    next_version: str = "1"
    # Azure's documentation does not say whether the service reports every version of an archived
    # container as archived. If the service does, versions that look archived can become active when
    # the container is restored.
    may_echo: bool = False
    marks: frozenset[str] | None = None
    modified: Modification | None = None

    @property
    def active(self) -> tuple[RegisteredVersion, ...]:
        """The versions that are not archived. An archived container has no active version."""
        return () if self.archived else tuple(v for v in self.versions if not v.archived)

    @property
    def latest(self) -> str | None:
        """The version that `@latest` refers to: the active version that was created last."""
        # A loop is faster here than `active`.
        if not self.archived:
            for item in reversed(self.versions):
                if not item.archived:
                    return item.version
        return None

    def version(self, version: str) -> RegisteredVersion | None:
        """Returns one version, or None if the container does not have it."""
        return next((item for item in self.versions if item.version == version), None)

    def to_json(self) -> dict[str, JSON]:
        """Returns the container as JSON data, as `show NAME --format json` prints it."""
        return {
            "name": self.name,
            "archived": self.archived,
            "latest": self.latest,
            "versions": [item.to_json() for item in self.versions],
        }

    def summary_json(self, *, everything: bool) -> dict[str, JSON]:
        """Returns the container as one entry of `list --format json`.

        Args:
            everything: whether archived versions are included.
        """
        return {
            "name": self.name,
            "versions": [
                {
                    "version": item.version,
                    "archived": item.archived or self.archived,
                    "created": item.created,
                    "owner": item.owner,
                }
                for item in (self.versions if everything else self.active)
            ],
            "latest": self.latest,
            "archived": self.archived,
        }


State: TypeAlias = Mapping[str, Container]
"""The content of a target: containers by name."""
