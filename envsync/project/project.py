"""`Project`: a project directory, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.model.errors import InvalidProject
from envsync.project.load import load
from envsync.project.settings.config import Config, load_config

if TYPE_CHECKING:
    from envsync.model.declaration import Declaration
    from envsync.model.problem import Problem


@dataclass(frozen=True, slots=True)
class Project:
    """A project directory, read: its settings and what its files declare.

    Attributes:
        config: the settings of `envsync.yaml`, defaults filled in.
        declarations: the desired state.
        warnings: findings that do not stand in the way of a plan.
    """

    config: Config
    declarations: tuple[Declaration, ...]
    warnings: tuple[Problem, ...]


def load_project(directory: str | Path = ".", config_file: str | Path | None = None) -> Project:
    """Reads `envsync.yaml` and every environment file of a project.

    Args:
        directory: where to look for `envsync.yaml`, upwards.
        config_file: this file instead.

    Raises:
        InvalidProject: with every problem of every file, if one of them is an error.
    """
    config = load_config(None if config_file is None else Path(config_file), Path(directory))
    loaded = load(
        config.root, config.root / config.environments, rules=config.rules, versions=config.versions
    )
    if any(problem.severity == "error" for problem in loaded.problems):
        raise InvalidProject(loaded.problems)
    return Project(config, loaded.declarations, loaded.problems)
