"""What the Azure ML service refuses, and how it is said here.

Where a rule comes from stands with it. The documentation is
https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from envsync.model.errors import TargetError
from envsync.model.naming import is_reserved, is_valid_name, is_valid_version

Rule: TypeAlias = Literal["content", "fixed", "owner", "unknown", "curated", "hidden"]


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


def check_new(name: str, version: str, *, image: bool, build: bool) -> None:
    """Whether the service would take this content at all.

    Raises:
        TargetError: the name or version is malformed or reserved (documentation, "Create an
            environment": the prefixes `AzureML` and `Microsoft` are), or there is not exactly one
            of image and build (OpenAPI, EnvironmentVersion).
    """
    check_name(name)
    if not is_valid_version(version):
        raise Refused(
            "content",
            f"{name}: {version!r} cannot name a version: letters, digits, '-', '_' and "
            "'.', 255 at most, a letter or digit first, and not 'latest'.",
        )
    if build == image:
        raise Refused(
            "content",
            f"{name}:{version} needs either an image or a build, and has "
            f"{'both' if build else 'neither'}.",
        )


def check_name(name: str) -> None:
    """Whether the service would let an environment be called this.

    Raises:
        TargetError: the name is malformed or reserved.
    """
    if not is_valid_name(name):
        raise Refused(
            "content",
            f"{name!r} cannot name an environment: letters, digits, '-', '_' and '.', 255 at "
            "most, and a letter or digit first.",
        )
    if is_reserved(name):
        raise Refused(
            "content", f"{name}: names that begin with AzureML or Microsoft are reserved."
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
