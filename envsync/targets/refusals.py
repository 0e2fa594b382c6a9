"""What the Azure ML service refuses, and how it is said here.

Where a rule comes from stands with it. The documentation is
https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

from envsync.model.errors import TargetError
from envsync.targets.store.rows import NewVersion, VersionRow

Rule: TypeAlias = Literal["content", "fixed", "owner", "unknown", "curated", "hidden"]

# The OpenAPI pattern for names has no dot (EnvironmentContainers_CreateOrUpdate), yet Microsoft's
# own released environments do: `sklearn-1.5`. For versions, none is published.
_PATTERN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._\-]{0,254}")
_RESERVED_NAME = re.compile("azureml|microsoft", re.IGNORECASE)


class Refused(TargetError):
    """A rule of the service forbids an operation.

    Attributes:
        rule: `content` (the service would not take it), `fixed` (it would change a spec), `owner`
            (another project has the version), `unknown` (there is no such thing), `curated` (it is
            the service's own), `hidden` (its container is archived).
    """

    def __init__(self, rule: Rule, message: str) -> None:
        self.rule = rule
        super().__init__(message)


def check_new(new: NewVersion) -> None:
    """Whether the service would take this content at all.

    Raises:
        TargetError: the name or version is malformed or reserved (documentation, "Create an
            environment": the prefixes `AzureML` and `Microsoft` are), or there is not exactly one
            of image and build (OpenAPI, EnvironmentVersion).
    """
    check_name(new.name)
    if not _PATTERN.fullmatch(new.version) or new.version == "latest":
        raise Refused(
            "content",
            f"{new.name}: {new.version!r} cannot name a version: letters, digits, '-', '_' and "
            "'.', 255 at most, a letter or digit first, and not 'latest'.",
        )
    builds = new.spec.build_uri is not None or new.spec.build_context is not None
    if builds == (new.spec.image is not None):
        raise Refused(
            "content",
            f"{new.name}:{new.version} needs either an image or a build, and has "
            f"{'both' if builds else 'neither'}.",
        )


def check_name(name: str) -> None:
    """Whether the service would let an environment be called this.

    Raises:
        TargetError: the name is malformed or reserved.
    """
    if not _PATTERN.fullmatch(name):
        raise Refused(
            "content",
            f"{name!r} cannot name an environment: letters, digits, '-', '_' and '.', 255 at "
            "most, and a letter or digit first.",
        )
    if _RESERVED_NAME.match(name):
        raise Refused(
            "content", f"{name}: names that begin with AzureML or Microsoft are reserved."
        )


def check_same(row: VersionRow, new: NewVersion) -> None:
    """Whether a registered version is the one that is to be registered.

    Raises:
        TargetError: it has another spec, which is fixed (documentation, "Update": only description
            and tags can change), or another owner.
    """
    check_fixed(row, new)
    if row.owner != new.owner:
        raise Refused(
            "owner",
            f"{_key(new)} is already registered, by {_project(row.owner)} and not "
            f"{_project(new.owner)}.",
        )


def check_fixed(row: VersionRow, new: NewVersion) -> None:
    """Whether a registered version has the spec that is to be registered.

    Raises:
        TargetError: it has another one, which is fixed.
    """
    if row.spec != new.spec:
        pairs = zip(new.spec._fields, row.spec, new.spec, strict=True)
        raise fixed(new, (field for field, here, there in pairs if here != there))


def fixed(new: NewVersion, fields: Iterable[str]) -> Refused:
    """A version is registered with other values of these fields, which cannot change."""
    return Refused(
        "fixed",
        f"{_key(new)} is already registered and cannot be changed; it differs in "
        f"{', '.join(fields)}. Register a new version instead.",
    )


def unknown(name: str, version: str | None) -> Refused:
    """There is no such thing."""
    if version is None:
        return Refused("unknown", f"There is no environment {name}.")
    return Refused("unknown", f"There is no environment {name} with version {version}.")


def curated(name: str) -> Refused:
    """It belongs to the service, which lets nobody change it."""
    return Refused(
        "curated", f"{name} is a curated environment of the service and cannot be changed."
    )


def hidden(name: str, version: str) -> Refused:
    """One version is to be restored while its container is archived (documentation, "Archive")."""
    return Refused(
        "hidden",
        f"{name}:{version} cannot be restored while the environment {name} is archived. Restore "
        "the environment first.",
    )


def hidden_already(name: str, version: str) -> Refused:
    """One version is to be archived while its container is, in a service that refuses it."""
    return Refused(
        "hidden",
        f"{name}:{version} cannot be archived on its own while the environment {name} is archived.",
    )


def _key(new: NewVersion) -> str:
    return f"Environment {new.name} with version {new.version}"


def _project(owner: str | None) -> str:
    return "no project" if owner is None else f"project {owner}"
