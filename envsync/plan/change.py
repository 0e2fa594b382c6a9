"""`Change` and `Rejection`: what a plan consists of, as values and as JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from envsync.model.canonical import JSON
from envsync.model.declaration import Source
from envsync.model.environment import Environment

Scope = Literal["version", "environment"]


class Action(StrEnum):
    """What is done to a version, or to an environment with all its versions."""

    CREATE = "create"
    UPDATE = "update"
    ARCHIVE = "archive"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs.

    Attributes:
        path: in the words of an environment file: `tags.owner`, `conda_file.dependencies[2]`.
        before: what the target holds; None where there is nothing.
        after: what is declared; None where there is nothing.
        files: for a build context, the files that differ, where known: path to `added`, `removed`
            or `modified`.
    """

    path: str
    before: JSON
    after: JSON
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """As JSON data."""
        data: dict[str, JSON] = {"path": self.path, "before": self.before, "after": self.after}
        if self.files:
            data["files"] = dict(self.files)
        return data


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do.

    Attributes:
        version: None for a change of the whole environment.
        reason: why, for people; it never drives the apply.
        fields: what differs; of a create, all that is set.
        source: the declaration it comes from; None where there is none.
        owner: the project that owns the version before the change; None where nobody does.
        desired: the environment to write, for create, update and the restore of a version. Not part
            of the JSON: a plan that was read back cannot be applied, only compared.
        keep_archived: for the restore of an environment, versions that must stay archived.
    """

    action: Action
    scope: Scope
    name: str
    version: str | None
    reason: str
    fields: tuple[FieldChange, ...] = ()
    source: Source | None = None
    owner: str | None = None
    desired: Environment | None = field(default=None, compare=False, repr=False)
    keep_archived: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def address(self) -> str:
        """`name:version`, or just the name for the whole environment."""
        return self.name if self.version is None else f"{self.name}:{self.version}"

    def to_json(self) -> dict[str, JSON]:
        """As JSON data."""
        return {
            "action": str(self.action),
            "scope": self.scope,
            "name": self.name,
            "version": self.version,
            "reason": self.reason,
            "owner": self.owner,
            "fields": [change.to_json() for change in self.fields],
            "source": _source_json(self.source),
        }


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something declared that cannot be done, and how to put it right.

    Attributes:
        code: `immutable`, `unowned`, `foreign-owner` or `curated`.
    """

    code: str
    name: str
    version: str | None
    message: str
    fix: str
    fields: tuple[FieldChange, ...] = ()
    source: Source | None = None

    @property
    def address(self) -> str:
        """`name:version`, or just the name where no version is meant."""
        return self.name if self.version is None else f"{self.name}:{self.version}"

    def to_json(self) -> dict[str, JSON]:
        """As JSON data."""
        return {
            "code": self.code,
            "name": self.name,
            "version": self.version,
            "message": self.message,
            "fix": self.fix,
            "fields": [change.to_json() for change in self.fields],
            "source": _source_json(self.source),
        }


@dataclass(frozen=True, slots=True)
class LatestChange:
    """What `@latest` of a name means before and after; None where no version is active."""

    name: str
    before: str | None
    after: str | None

    def to_json(self) -> dict[str, JSON]:
        """As JSON data."""
        return {"name": self.name, "before": self.before, "after": self.after}


def _source_json(source: Source | None) -> JSON:
    return None if source is None else {"file": source.file, "line": source.line}
