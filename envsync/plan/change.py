"""`Change` and `Rejection`: the parts of a plan.

A `Change` is one operation on the target. A `Rejection` is a change that the plan refuses.
`address` identifies the version or environment that a `Change` or `Rejection` is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct, field

from envsync.model.before import Before
from envsync.model.canonical import JSON
from envsync.model.declaration import Source
from envsync.model.environment import Environment
from envsync.model.use import Use
from envsync.model.value import Value
from envsync.plan.drifted import Drifted

Scope = Literal["version", "environment"]


# Summaries show the counts in the order of these members.
class Action(StrEnum):
    """The operation on a version, or on an environment with all its versions."""

    CREATE = "create"
    UPDATE = "update"
    ARCHIVE = "archive"
    RESTORE = "restore"


class FieldChange(Struct, frozen=True):
    """One field that differs between the target and the declaration.

    Attributes:
        path: the path of the field in an environment file, such as `tags.owner` or
            `conda_file.dependencies[2]`.
        before: the value in the target; None if the field is not set in the target.
        after: the declared value; None if the field is not declared.
        files: for a build context, the files that differ, each with `added`, `removed` or
            `modified`. Empty if the files are not known.
    """

    path: str
    before: JSON
    after: JSON
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Returns the field as JSON data. The key `files` is missing if `files` is empty."""
        data: dict[str, JSON] = {"path": self.path, "before": self.before, "after": self.after}
        if self.files:
            data["files"] = dict(self.files)
        return data

    @classmethod
    def from_json(cls, data: Any) -> FieldChange:
        """Creates the field from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError: a key is missing, or the data is not a mapping.
        """
        return cls(data["path"], data["before"], data["after"], dict(data.get("files", {})))


class Change(Value, frozen=True):
    """One operation on the target.

    Attributes:
        version: the version to change. None if the change is about the whole environment.
        reason: why the change is planned. An apply does not use the reason.
        fields: the fields that differ; for a create, all fields that are set.
        source: the position of the declaration. None if no file declares the version.
        owner: the project that owns the version before the change. None if the version has no
            owner.
        predecessor: for a create, the registered version that the new version is compared with. If
            the file has a `version`, the predecessor is the highest active version below the new
            version. Otherwise, the predecessor is the newest version. None if the name has no such
            version, or if the action is not `create`.
        differs: the fields of the spec and the metadata that differ from the predecessor.
        hides: for the archive of an environment, the active versions of the environment, which
            become hidden.
        drifted: the edit in the target that the change would overwrite. None if nobody has edited
            the version since envsync last wrote it, or if this is unknown.
        desired: the environment to write, for a create, an update and the restore of a version.
        keep_archived: for the restore of an environment, the versions that must stay archived.
        former_files: for the archive of an undeclared environment, the files that declared the
            environment until now, relative to the project directory. Otherwise empty.
        before: the state that the target must have just before the change. None if the change was
            read from JSON.
    """

    uncompared = ("desired", "keep_archived", "former_files", "before")
    unshown = ("desired", "keep_archived", "former_files", "before")

    action: Action
    scope: Scope
    name: str
    version: str | None
    reason: str
    fields: tuple[FieldChange, ...] = ()
    source: Source | None = None
    owner: str | None = None
    predecessor: str | None = None
    differs: tuple[FieldChange, ...] = ()
    hides: tuple[str, ...] = ()
    drifted: Drifted | None = None
    # Only an apply needs the following attributes. `==` and the JSON ignore these attributes. So a
    # plan that was read from a file equals the saved plan, but cannot be applied.
    desired: Environment | None = None
    keep_archived: tuple[str, ...] = ()
    former_files: tuple[str, ...] = ()
    before: Before | None = None

    @property
    def address(self) -> str:
        """`name:version`, or only the name for a whole environment."""
        return _address(self.name, self.version)

    def to_json(self) -> dict[str, JSON]:
        """Returns the change as JSON data."""
        data: dict[str, JSON] = {
            "action": str(self.action),
            "scope": self.scope,
            "name": self.name,
            "version": self.version,
            "reason": self.reason,
            "owner": self.owner,
            "fields": [change.to_json() for change in self.fields],
            "source": _source_json(self.source),
            "predecessor": self.predecessor,
            "differs": [change.to_json() for change in self.differs],
        }
        if self.hides:
            # These versions are part of the fingerprint, so an approval of the archive does not
            # cover a version that is registered later.
            data["hides"] = list(self.hides)
        if self.drifted:
            data["drifted"] = self.drifted.to_json()
        return data

    @classmethod
    def from_json(cls, data: Any) -> Change:
        """Creates the change from the JSON data of `to_json`.

        The attributes that only an apply needs are empty. Keys that a later version of envsync
        added are ignored.

        Raises:
            KeyError, TypeError, ValueError: a key is missing, a value has the wrong type, or the
                action is unknown.
        """
        return cls(
            action=Action(data["action"]),
            scope=data["scope"],
            reason=data["reason"],
            owner=data["owner"],
            predecessor=data.get("predecessor"),
            differs=_fields_from_json(data.get("differs", ())),
            hides=tuple(data.get("hides", ())),
            drifted=Drifted.from_json(data["drifted"]) if "drifted" in data else None,
            **_common(data),
        )


class Rejection(Struct, frozen=True):
    """A change that the plan refuses, and what to do about it.

    Attributes:
        code: `immutable`, `unowned`, `foreign-owner`, `curated`, `still-there`, `in-use` or
            `protected`.
        message: what is wrong, in one sentence.
        fix: what to do, in one sentence or as a command.
        fields: the fields that differ.
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
        """`name:version`, or only the name for a whole environment."""
        return _address(self.name, self.version)

    def to_json(self) -> dict[str, JSON]:
        """Returns the rejection as JSON data."""
        return {
            "code": self.code,
            "name": self.name,
            "version": self.version,
            "message": self.message,
            "fix": self.fix,
            "fields": [change.to_json() for change in self.fields],
            "source": _source_json(self.source),
        }

    @classmethod
    def from_json(cls, data: Any) -> Rejection:
        """Creates the rejection from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError: a key is missing, or a value has the wrong type.
        """
        return cls(code=data["code"], message=data["message"], fix=data["fix"], **_common(data))


class LatestChange(Struct, frozen=True):
    """A name whose `@latest` refers to another version after the apply.

    Attributes:
        name: the name of the environment.
        before: the version that `@latest` refers to before the apply. None if no version is active.
        after: the version that `@latest` refers to after the apply. None if no version is active.
        uses: the files of the repository that use `@latest` of this name.
    """

    name: str
    before: str | None
    after: str | None
    uses: tuple[Use, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Returns the change of `@latest` as JSON data."""
        return {
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "uses": [use.to_json() for use in self.uses],
        }

    @classmethod
    def from_json(cls, data: Any) -> LatestChange:
        """Creates the change of `@latest` from the JSON data of `to_json`.

        Raises:
            KeyError, TypeError: a key is missing, or the data is not a mapping.
        """
        # A plan that an earlier envsync saved has no `uses`.
        uses = tuple(map(Use.from_json, data.get("uses", ())))
        return cls(data["name"], data["before"], data["after"], uses)


def _address(name: str, version: str | None) -> str:
    return name if version is None else f"{name}:{version}"


def _source_json(source: Source | None) -> JSON:
    return None if source is None else source.to_json()


def _common(data: Any) -> dict[str, Any]:
    """Returns the attributes that changes and rejections have in common."""
    return {
        "name": data["name"],
        "version": data["version"],
        "fields": _fields_from_json(data["fields"]),
        "source": None if data["source"] is None else Source.from_json(data["source"]),
    }


def _fields_from_json(data: Any) -> tuple[FieldChange, ...]:
    return tuple(map(FieldChange.from_json, data))
