"""What changed in a project since a commit."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from envsync.git.checkout import above, is_below
from envsync.git.declared import declared_at
from envsync.git.ignored import without_ignored
from envsync.git.repository import Repository, find_repository
from envsync.model.declaration import Declaration
from envsync.model.errors import GitError
from envsync.project.discovery import find_environments, references
from envsync.project.files import Sources
from envsync.project.settings.config import Config


def project_paths(repository: Repository, config: Config) -> frozenset[str]:
    """Where in its repository a project lies: settings, environment files, and what these name."""
    sources = Sources(str(config.root), os.path.realpath(config.root))
    environments = str(config.root / config.environments)
    files = find_environments(environments, sources)
    named = [environments]
    for file in files:
        named += (file, *references(file, sources).values())
    if config.path is not None:
        named.append(str(config.path))
    paths = {repository.relative(Path(path)) for path in named}
    return frozenset(_outermost(path for path in paths if path is not None))


def changed_since(
    config: Config, declarations: Collection[Declaration], ref: str
) -> frozenset[str]:
    """The names of environments whose files changed since a commit, or are gone.

    Raises:
        GitError: there is no such commit.
    """
    repository = find_repository(config.root)
    commit = repository.commit(ref)
    paths = project_paths(repository, config)
    ignored = repository.untracked(paths, ignored=True)
    before = {
        (item.name, item.version): (item.spec, item.metadata)
        for item in declared_at(repository, commit, config)
    }
    now = {
        (item.name, item.version): (without_ignored(item.spec, repository, ignored), item.metadata)
        for item in declarations
    }
    different = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    changed = repository.changed(commit, paths) | repository.untracked(paths)
    touched = _touched(repository, config, declarations, changed) if changed else set()
    return frozenset({name for name, _ in different} | touched)


def current_commit(config: Config) -> str | None:
    """The commit that is checked out, with `-dirty` where the project's files differ from it.

    None where no commit holds environments of the project, or git cannot tell.
    """
    try:
        repository = find_repository(config.root)
        commit = repository.head()
        environments = repository.relative(config.root / config.environments)
        if commit is None or environments is None:
            return None
        if not repository.tree(commit, [environments]):
            return None
        paths = project_paths(repository, config)
        dirty = repository.changed(commit, paths) or repository.untracked(paths)
    except GitError:
        return None
    return f"{commit}-dirty" if dirty else commit


def _touched(
    repository: Repository,
    config: Config,
    declarations: Iterable[Declaration],
    changed: frozenset[str],
) -> set[str]:
    """The names that one of these files belongs to, even if it says the same as before."""
    sources = Sources(str(config.root), os.path.realpath(config.root))
    around = {place for path in changed for place in (path, *above(path))}
    names = set()
    for declaration in declarations:
        file = str(config.root / declaration.source.file)
        for path in (file, *references(file, sources).values()):
            place = repository.relative(Path(path))
            # Of a submodule git names only its top, which is then above the place.
            if place in around or (place and not changed.isdisjoint(above(place))):
                names.add(declaration.name)
    return names


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Those of some paths that lie in no other of them."""
    last: str | None = None
    for path in sorted(paths, key=lambda path: path.split("/")):
        if last is None or not is_below(path, last):
            last = path
            yield path
