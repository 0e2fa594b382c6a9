"""Loads what a commit declares."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envsync.git.checkout import check_out, is_below
from envsync.git.repository import Repository
from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.project.load import load, referenced_paths
from envsync.project.rules import RULES, Level
from envsync.project.settings.config import DEFAULT_ENVIRONMENTS, FILE_NAME, Config, load_config

if TYPE_CHECKING:
    from collections.abc import Mapping

_RULES: Final[Mapping[str, Level]] = {**dict.fromkeys(RULES, "off"), "path-escape": "error"}
"""All rules are off: the commit was already reviewed. Paths out of the commit are never followed,
because they would lead into the file system of the machine that runs envsync.
"""


def declared_at(repository: Repository, commit: str, config: Config) -> tuple[Declaration, ...]:
    """Returns the declarations of a commit. Files with errors are left out.

    Args:
        repository: the repository of the project.
        commit: the commit id.
        config: the current settings of the project. The environments directory is the one in the
            settings of the commit, if the commit has settings.

    Returns:
        Declarations whose sources are relative to the top of the repository.

    Raises:
        GitError: the content of the commit is missing in this clone.
    """
    with tempfile.TemporaryDirectory(prefix="envsync-") as directory:
        # On macOS the temporary directory is behind a link, which would lead out of `tree`.
        tree = Path(directory).resolve()
        environments = _check_out_project(repository, commit, config=config, tree=tree)
        return load(tree, environments, rules=_RULES, versions="auto").declarations


def _check_out_project(repository: Repository, commit: str, *, config: Config, tree: Path) -> Path:
    """Writes the files of a project at a commit below `tree`; returns the environments directory.

    These are the environment files, the files that they name, and the targets of symbolic links.
    """
    root = tree / (repository.relative(config.root) or "")
    environments = root / config.environments
    settings = repository.relative(config.path or config.root / FILE_NAME)
    waiting = {path for path in (_inside(tree, environments), settings) if path is not None}
    done: set[str] = set()
    # A checked-out file may name another one, or be a link, so this takes several rounds.
    while waiting:
        named = check_out(repository, commit, waiting, destination=tree)
        done |= waiting
        if settings and os.path.lexists(tree / settings):
            environments = root / (_environments(tree / settings) or config.environments)
        elif config.path in (None, config.root / FILE_NAME) and not os.path.lexists(environments):
            # The commit has no settings file, so the default directory applied to it.
            environments = root / DEFAULT_ENVIRONMENTS
        named += referenced_paths(tree, environments)
        found = {_inside(tree, path) for path in (environments, *named)}
        waiting = {
            path
            for path in found
            if path is not None and not any(is_below(path, known) for known in done)
        }
    return environments


def _environments(settings: Path) -> str | None:
    """Returns the environments directory in a settings file; None if the file has errors."""
    try:
        return load_config(settings).environments
    except EnvsyncError:
        return None


def _inside(tree: Path, path: Path) -> str | None:
    """Returns a path relative to a directory, links resolved; None if it is outside."""
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(tree):
        return None
    return "" if real == tree else real.relative_to(tree).as_posix()
