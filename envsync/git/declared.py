"""Loads the environments that a commit declares."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.git.checkout import check_out, is_below
from envsync.git.repository import Repository
from envsync.model.declaration import Declaration
from envsync.model.environment import Metadata
from envsync.model.errors import EnvsyncError
from envsync.project.files import Files
from envsync.project.load import load, referenced_paths
from envsync.project.memo import Memo
from envsync.project.rules import RULES, Level
from envsync.project.search.globs import Globs
from envsync.project.settings.config import Config, load_config
from envsync.project.settings.directories import DEFAULT_ENVIRONMENTS
from envsync.project.settings.file import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RULES: Final[Mapping[str, Level]] = {**dict.fromkeys(RULES, "off"), "path-escape": "error"}
"""The levels of the rules for files of a commit. The rules are off, because the commit was already
reviewed. Only `path-escape` stays an error, because a path outside of the commit could be any file
of the machine that runs envsync.
"""


def declared_at(
    repository: Repository, commit: str, config: Config, memo: Memo | None = None
) -> tuple[Declaration, ...]:
    """Returns the declarations of a commit. Files with errors are left out.

    Args:
        repository: the repository of the project.
        commit: the commit id.
        config: the current settings of the project. If the commit contains a settings file, the
            environments directories and `exclude` come from that file.
        memo: keeps what is made from the texts of files, for several commits.

    Returns:
        The declarations. `Declaration.source` contains paths relative to the top of the repository.

    Raises:
        GitError: the content of the commit is missing in this clone.
    """
    with tempfile.TemporaryDirectory(prefix="envsync-") as directory:
        # On macOS, the path of the temporary directory contains a link. Without `resolve`, resolved
        # paths in the directory would seem to be outside of `tree`.
        tree = Path(directory).resolve()
        # The files that name other files are read twice: to write these files, and to load them.
        memo = memo or Memo()
        search = _check_out_project(repository, commit, config=config, tree=tree, memo=memo)
        loaded = load(
            tree,
            search.directories,
            rules=_RULES,
            versions="auto",
            exclude=search.exclude,
            files=Files.below(tree, memo),
        )
        return loaded.declarations


def settings_at(repository: Repository, commit: str, config: Config) -> Config:
    """Returns the settings of a commit.

    If the commit has no usable settings, returns `config` without targets and defaults. Settings
    outside of the repository have no history, so they count as unchanged.

    Args:
        repository: the repository of the project.
        commit: the commit id.
        config: the current settings of the project.
    """
    settings = repository.relative(config.path or config.root / FILE_NAME)
    if settings is None:
        return config
    with tempfile.TemporaryDirectory(prefix="envsync-") as directory:
        tree = Path(directory).resolve()
        check_out(repository, commit, [settings], destination=tree)
        if (tree / settings).is_file():
            with suppress(EnvsyncError):
                return load_config(tree / settings)
    return replace(config, defaults=Metadata(), targets={})


class _Search(Struct, frozen=True):
    """Where to search for environment files in a checked-out commit.

    Attributes:
        directories: the absolute paths of the environments directories.
        exclude: globs of files that are not environment files.
    """

    directories: tuple[Path, ...]
    exclude: Globs


def _check_out_project(
    repository: Repository, commit: str, *, config: Config, tree: Path, memo: Memo
) -> _Search:
    """Writes the project files of a commit below `tree`. Returns where to find environments.

    The project files are the settings file, the environment files, the paths that environment files
    refer to, and the targets of symbolic links.
    """
    project = repository.relative(config.root) or ""
    root = tree / project
    search = _search(root, project, config.environments, config.exclude)
    settings = repository.relative(config.path or config.root / FILE_NAME)
    start = (settings, *(_inside(tree, directory) for directory in search.directories))
    waiting = {path for path in start if path is not None}
    done: set[str] = set()
    # A file that was written can be a link to another file, or can refer to other files. The next
    # round writes these other files. The loop ends when a round finds no new path.
    while waiting:
        named = check_out(repository, commit, waiting, destination=tree)
        done |= waiting
        if settings and os.path.lexists(tree / settings):
            then = _settings(tree / settings) or config
            search = _search(root, project, then.environments, then.exclude)
        elif config.path in (None, config.root / FILE_NAME) and not any(
            map(os.path.lexists, search.directories)
        ):
            # The commit has no settings file, so its environments are in the default directory.
            search = _search(root, project, DEFAULT_ENVIRONMENTS, ())
        named += referenced_paths(tree, search.directories, search.exclude, memo)
        found = {_inside(tree, path) for path in (*search.directories, *named)}
        waiting = {
            path
            for path in found
            if path is not None and not any(is_below(path, known) for known in done)
        }
    return search


def _search(
    root: Path, project: str, environments: Sequence[str], exclude: Sequence[str]
) -> _Search:
    """Returns where to search in a tree that contains the files of a commit.

    Args:
        root: the project directory in the tree.
        project: the project directory, relative to the tree.
        environments: the environments directories, relative to the project directory.
        exclude: globs, relative to the project directory.
    """
    return _Search(tuple(root / item for item in environments), Globs.of(exclude, project))


def _settings(path: Path) -> Config | None:
    """Returns the settings in a file, or None if the file has errors."""
    try:
        return load_config(path)
    except EnvsyncError:
        return None


def _inside(tree: Path, path: Path) -> str | None:
    """Returns the resolved path relative to `tree`, or None for a path outside of `tree`."""
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(tree):
        return None
    return "" if real == tree else real.relative_to(tree).as_posix()
