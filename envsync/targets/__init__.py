"""The places that hold environments, one file for each kind, behind one protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.errors import TargetError
from envsync.model import TargetIdentity

if TYPE_CHECKING:
    from envsync.targets.protocol import Target
    from envsync.targetsettings import TargetConfig


def open_target(config: TargetConfig, root: Path) -> Target:
    """The target that `envsync.yaml` describes. Nothing is read or written yet.

    Args:
        config: its name, kind and settings.
        root: the project directory, to which its paths are relative.

    Raises:
        TargetError: this version of envsync has no such kind of target.
    """
    return _OPENERS[config.kind](config, root)


def _open_local(config: TargetConfig, root: Path) -> Target:
    from envsync.targets.local import LocalTarget

    path = config.settings["path"]
    return LocalTarget(root / path, TargetIdentity(config.name, config.kind, path))


def _open_later(config: TargetConfig, _root: Path) -> Target:
    raise TargetError(
        f"The target {config.name} is a {config.kind}, and this version of envsync has no such "
        "target yet. Use one of kind local."
    )


_OPENERS: Mapping[str, Callable[[TargetConfig, Path], Target]] = {
    "local": _open_local,
    "workspace": _open_later,
    "registry": _open_later,
}
"""How each kind of target is opened. Each imports what it needs itself: Azure's SDK is slow."""
