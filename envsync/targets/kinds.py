"""The kinds of targets, and how each kind is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.model.errors import TargetError
from envsync.targets.connection import Connection

if TYPE_CHECKING:
    from envsync.model.target import Target
    from envsync.project.settings.targets import TargetConfig


def open_target(config: TargetConfig, root: Path, connection: Connection | None = None) -> Target:
    """Returns the target that `config` describes. Does not read or write the target.

    Args:
        config: the target's name, kind and settings.
        root: the project directory. Relative paths in the settings are relative to this directory.
        connection: the settings of the connection to Azure. Local targets ignore this argument.

    Raises:
        TargetError: a required package is not installed, or the credential cannot be created.
    """
    return OPENERS[config.kind](config, root, connection or Connection())


def _open_local(config: TargetConfig, root: Path, _connection: Connection) -> Target:
    from envsync.model.target import TargetIdentity
    from envsync.targets.local.target import LocalTarget

    path = config.settings["path"]
    return LocalTarget(root / path, TargetIdentity(config.name, config.kind, path))


def _open_workspace(config: TargetConfig, _root: Path, connection: Connection) -> Target:
    try:
        from envsync.targets.azure.workspace import open_workspace
    except ModuleNotFoundError as error:
        raise _not_installed(config, error) from error
    return open_workspace(config, connection)


def _open_registry(config: TargetConfig, _root: Path, connection: Connection) -> Target:
    try:
        from envsync.targets.azure.registry import open_registry
    except ModuleNotFoundError as error:
        raise _not_installed(config, error) from error
    return open_registry(config, connection)


def _not_installed(config: TargetConfig, error: ModuleNotFoundError) -> TargetError:
    from envsync.model.wording import install

    return TargetError(
        f"The target {config.name} is a {config.kind} in Azure, and the package {error.name} is "
        f"not installed: {install('azure')}"
    )


# Each function imports its own dependencies, because importing Azure's libraries at start-up would
# slow down every command.
OPENERS: Mapping[str, Callable[[TargetConfig, Path, Connection], Target]] = {
    "local": _open_local,
    "workspace": _open_workspace,
    "registry": _open_registry,
}
"""The function that opens each kind of target."""
