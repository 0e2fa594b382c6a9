"""What the Azure ML service refuses, and how it is said here.

Where a rule comes from stands with it. The documentation is
https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2.
"""

from __future__ import annotations

import re

from envsync.errors import TargetError
from envsync.targets.rows import NewVersion, VersionRow

# The OpenAPI pattern for names has no dot (EnvironmentContainers_CreateOrUpdate), yet Microsoft's
# own released environments do: `sklearn-1.5`. For versions, none is published.
_PATTERN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._\-]{0,254}")
_RESERVED_NAME = re.compile("azureml|microsoft", re.IGNORECASE)


def check_new(new: NewVersion) -> None:
    """Whether the service would take this content at all.

    Raises:
        TargetError: the name or version is malformed or reserved (documentation, "Create an
            environment": the prefixes `AzureML` and `Microsoft` are), or there is not exactly one
            of image and build (OpenAPI, EnvironmentVersion).
    """
    if not _PATTERN.fullmatch(new.name):
        raise TargetError(
            f"{new.name!r} cannot name an environment: letters, digits, '-', '_' and '.', 255 at "
            "most, and a letter or digit first."
        )
    if _RESERVED_NAME.match(new.name):
        raise TargetError(f"{new.name}: names that begin with AzureML or Microsoft are reserved.")
    if not _PATTERN.fullmatch(new.version) or new.version == "latest":
        raise TargetError(
            f"{new.name}: {new.version!r} cannot name a version: letters, digits, '-', '_' and "
            "'.', 255 at most, a letter or digit first, and not 'latest'."
        )
    builds = new.spec.build_uri is not None or new.spec.build_context is not None
    if builds == (new.spec.image is not None):
        raise TargetError(
            f"{new.name}:{new.version} needs either an image or a build, and has "
            f"{'both' if builds else 'neither'}."
        )


def check_same(row: VersionRow, new: NewVersion) -> None:
    """Whether a registered version is the one that is to be registered.

    Raises:
        TargetError: it has another spec, which is fixed (documentation, "Update": only description
            and tags can change), or another owner.
    """
    key = f"Environment {new.name} with version {new.version}"
    if row.spec != new.spec:
        pairs = zip(new.spec._fields, row.spec, new.spec, strict=True)
        differing = ", ".join(field for field, here, there in pairs if here != there)
        raise TargetError(
            f"{key} is already registered and cannot be changed; it differs in {differing}. "
            "Register a new version instead."
        )
    if row.owner != new.owner:
        raise TargetError(
            f"{key} is already registered, by {_project(row.owner)} and not {_project(new.owner)}."
        )


def unknown(name: str, version: str | None) -> TargetError:
    """There is no such thing."""
    if version is None:
        return TargetError(f"There is no environment {name}.")
    return TargetError(f"There is no environment {name} with version {version}.")


def curated(name: str) -> TargetError:
    """It belongs to the service, which lets nobody change it."""
    return TargetError(f"{name} is a curated environment of the service and cannot be changed.")


def hidden(name: str, version: str) -> TargetError:
    """One version is to be restored while its container is archived (documentation, "Archive")."""
    return TargetError(
        f"{name}:{version} cannot be restored while the environment {name} is archived. Restore "
        "the environment first."
    )


def _project(owner: str | None) -> str:
    return "no project" if owner is None else f"project {owner}"
