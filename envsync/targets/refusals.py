"""Errors for operations that break a rule of the Azure ML service.

Docstrings and comments name the source of a rule. "OpenAPI" is the service's own specification in
Azure/azure-rest-api-specs. "Documentation" is
https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from envsync.model.errors import TargetError
from envsync.model.naming import is_reserved, is_valid_name, is_valid_version

Rule: TypeAlias = Literal["content", "fixed", "owner", "unknown", "curated", "hidden"]


class RuleViolation(TargetError):
    """The error for an operation that breaks a rule of the service.

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
    """Checks that the service would accept the name, version and content of a new version.

    Raises:
        RuleViolation: the name or version is malformed, the name is reserved, or the version has
            both an image and a build, or has neither an image nor a build. The prefixes `AzureML`
            and `Microsoft` are reserved (documentation, "Create an environment"). An image or a
            build is required (OpenAPI, EnvironmentVersion).
    """
    check_name(name)
    # Clients of the service request the newest version as "@latest", so "latest" cannot be a
    # version.
    if not is_valid_version(version):
        raise RuleViolation(
            "content",
            f"{name}: {version!r} is not a valid version. Use at most 255 letters, digits, '-', "
            "'_' and '.', begin with a letter or digit, and do not use 'latest'.",
        )
    if build == image:
        raise RuleViolation(
            "content",
            f"{name}:{version} has {'both an image and' if build else 'neither an image nor'} a "
            "build. Declare exactly one of them.",
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
    # The service ignores case when it compares reserved prefixes (documentation).
    if is_reserved(name):
        raise RuleViolation(
            "content",
            f"{name}: names that begin with AzureML or Microsoft are reserved. Rename the "
            "environment.",
        )


def unknown(name: str, version: str | None) -> RuleViolation:
    """Returns the error for an environment or version that does not exist."""
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

    The service requires that the container is restored first (documentation, "Archive").
    """
    return RuleViolation(
        "hidden",
        f"{name}:{version} cannot be restored while the environment {name} is archived. Restore "
        "the environment first.",
    )


def hidden_already(name: str, version: str) -> RuleViolation:
    """Returns the error for archiving one version of an archived container.

    The documentation does not say whether the service refuses to archive a version of an archived
    container. A setting of the emulator decides whether the emulator raises this error.
    """
    return RuleViolation(
        "hidden",
        f"{name}:{version} cannot be archived separately while the environment {name} is archived. "
        "Restore the environment first.",
    )
