"""The rules of the Azure ML service that forbid an operation, and the error for each.

Each rule names its source. "Documentation" is
https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2, "OpenAPI" is the
service's own specification in Azure/azure-rest-api-specs.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from envsync.model.errors import TargetError
from envsync.model.naming import is_reserved, is_valid_name, is_valid_version

Rule: TypeAlias = Literal["content", "fixed", "owner", "unknown", "curated", "hidden"]


class RuleViolation(TargetError):
    """A rule of the service forbids an operation.

    Attributes:
        rule: `content` (the service would not accept the content), `fixed` (the operation would
            change a spec), `owner` (the version belongs to another project), `unknown` (the
            environment or version does not exist), `curated` (the environment belongs to the
            service), `hidden` (the container is archived).
    """

    def __init__(self, rule: Rule, message: str) -> None:
        self.rule = rule
        super().__init__(message)


def check_new(name: str, version: str, *, image: bool, build: bool) -> None:
    """Checks that the service would accept a new version at all.

    Raises:
        RuleViolation: the name or version is malformed or reserved (documentation, "Create an
            environment": the prefixes `AzureML` and `Microsoft` are reserved), or the version has
            both or neither of image and build (OpenAPI, EnvironmentVersion).
    """
    check_name(name)
    # "@latest" is how the service's clients ask for the newest version, so no version can have that
    # name.
    if not is_valid_version(version):
        raise RuleViolation(
            "content",
            f"{name}: {version!r} is not a valid version. Use at most 255 letters, digits, '-', "
            "'_' and '.', begin with a letter or digit, and do not use 'latest'.",
        )
    if build == image:
        raise RuleViolation(
            "content",
            f"{name}:{version} has {'both' if build else 'neither'} of image and build. Declare "
            "exactly one of them.",
        )


def check_name(name: str) -> None:
    """Checks that the service would accept a name for a new environment.

    Raises:
        RuleViolation: the name is malformed or reserved.
    """
    if not is_valid_name(name):
        raise RuleViolation(
            "content",
            f"{name!r} is not a valid environment name. Use at most 255 letters, digits, '-', '_' "
            "and '.', and begin with a letter or digit.",
        )
    # The service compares reserved prefixes without case (documentation).
    if is_reserved(name):
        raise RuleViolation(
            "content",
            f"{name}: names that begin with AzureML or Microsoft are reserved. Rename the "
            "environment.",
        )


def unknown(name: str, version: str | None) -> RuleViolation:
    """Returns the error for an environment, or one version of it, that does not exist."""
    if version is None:
        return RuleViolation("unknown", f"There is no environment {name}.")
    return RuleViolation("unknown", f"There is no environment {name} with version {version}.")


def curated(name: str) -> RuleViolation:
    """Returns the error for a change to a curated environment, which belongs to the service."""
    return RuleViolation(
        "curated",
        f"{name} is a curated environment, which belongs to the service and cannot be changed.",
    )


def hidden(name: str, version: str) -> RuleViolation:
    """Returns the error for restoring one version of an archived container.

    The service requires its container to be restored first (documentation, "Archive").
    """
    return RuleViolation(
        "hidden",
        f"{name}:{version} cannot be restored while the environment {name} is archived. Restore "
        "the environment first.",
    )


def hidden_already(name: str, version: str) -> RuleViolation:
    """Returns the error for archiving one version of an archived container.

    Whether the service refuses this is not documented; the emulator can do either.
    """
    return RuleViolation(
        "hidden",
        f"{name}:{version} cannot be archived separately while the environment {name} is archived. "
        "Restore the environment first.",
    )
