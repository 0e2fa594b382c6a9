"""What a commit declares."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envsync.git.checkout import check_out, is_below
from envsync.git.repository import Repository
from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.project.discovery import find_environments, references
from envsync.project.files import Sources
from envsync.project.load import load
from envsync.project.rules import RULES, Level
from envsync.project.settings.config import DEFAULT_ENVIRONMENTS, FILE_NAME, Config, load_config

if TYPE_CHECKING:
    from collections.abc import Mapping

_RULES: Final[Mapping[str, Level]] = {**dict.fromkeys(RULES, "off"), "path-escape": "error"}
"""What a commit holds was judged when it was made; only what would lead out of it is left out."""


def declared_at(repository: Repository, commit: str, config: Config) -> tuple[Declaration, ...]:
    """What the environment files of a commit declare; those with errors declare nothing.

    Args:
        repository: the one that the project lies in.
        commit: its id.
        config: the settings of the project. The environments directory is the one that the commit
            itself names.

    Returns:
        Declarations whose sources are relative to the top of the repository.

    Raises:
        GitError: the content of the commit is not there.
    """
    with tempfile.TemporaryDirectory(prefix="envsync-") as directory:
        tree = Path(directory).resolve()
        environments = _check_out_project(repository, commit, config, tree)
        return load(tree, environments, rules=_RULES, versions="auto").declarations


def _check_out_project(repository: Repository, commit: str, config: Config, tree: Path) -> Path:
    """Writes what a commit holds of a project; its environments directory.

    That is its environment files, what they name, and what links among all that lead to.
    """
    root = tree / (repository.relative(config.root) or "")
    environments = root / config.environments
    settings = repository.relative(config.path or config.root / FILE_NAME)
    waiting = {path for path in (_inside(tree, environments), settings) if path is not None}
    done: set[str] = set()
    while waiting:
        leading = check_out(repository, commit, waiting, tree)
        done |= waiting
        if settings and os.path.lexists(tree / settings):
            environments = root / (_environments(tree / settings) or config.environments)
        elif config.path in (None, config.root / FILE_NAME) and not os.path.lexists(environments):
            environments = root / DEFAULT_ENVIRONMENTS  # as it was before there were settings
        sources = Sources(str(tree), str(tree))
        for file in find_environments(str(environments), sources):
            leading += map(Path, references(file, sources).values())
        found = {_inside(tree, path) for path in (environments, *leading)}
        waiting = {
            path
            for path in found
            if path is not None and not any(is_below(path, known) for known in done)
        }
    return environments


def _environments(settings: Path) -> str | None:
    """The environments directory that a settings file names; None where it cannot be read."""
    try:
        return load_config(settings).environments
    except EnvsyncError:
        return None


def _inside(tree: Path, path: Path) -> str | None:
    """A path relative to a directory, symbolic links resolved; None where it leads out of it."""
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(tree):
        return None
    return "" if real == tree else real.relative_to(tree).as_posix()
