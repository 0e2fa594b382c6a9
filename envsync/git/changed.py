"""Detects what changed in a project since a commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from envsync.git.checkout import above, is_below
from envsync.git.declared import declared_at, settings_at
from envsync.git.ignored import without_ignored
from envsync.git.repository import Repository, find_repository
from envsync.model.errors import NoRepository
from envsync.project.for_target import declared_for

if TYPE_CHECKING:
    from envsync.model.declaration import Declaration
    from envsync.project.project import Project


def project_paths(repository: Repository, project: Project) -> frozenset[str]:
    """Returns the paths of a project, relative to the top of its repository.

    The paths are the settings file, the environments directories, and all files and directories
    that environment files refer to. Paths outside of the repository are left out, and also paths
    below another path of the result.
    """
    paths = {repository.relative(path) for path in project.paths()}
    return frozenset(_outermost(path for path in paths if path is not None))


def changed_since(project: Project, ref: str, target: str | None = None) -> frozenset[str]:
    """Returns the names of environments that changed or were removed since a commit.

    Args:
        project: the project.
        ref: the commit, in any form that git resolves.
        target: the name of a target. If set, the returned names have the suffix of the target.

    Raises:
        GitError: the commit does not exist.
    """
    repository = find_repository(project.config.root)
    commit = repository.commit(ref)
    paths = project_paths(repository, project)
    ignored = repository.untracked(paths, ignored=True)
    config = project.config
    # A change of the settings can change the tags and names of every environment.
    past = settings_at(repository, commit, config)
    before = {
        (item.name, item.version): (item.spec, item.metadata)
        for item in declared_for(declared_at(repository, commit, config), past, target)
    }
    declared = declared_for(project.declarations, config, target)
    now = {
        (item.name, item.version): (without_ignored(item.spec, repository, ignored), item.metadata)
        for item in declared
    }
    # Comparing the declarations finds changes in shared files and settings. Comparing the files
    # finds edits that change no declaration, such as comments.
    different = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    changed = repository.changed(commit, paths) | repository.untracked(paths)
    touched = _touched(repository, project, declared, changed) if changed else set()
    return frozenset({name for name, _ in different} | touched)


def current_commit(project: Project) -> str | None:
    """Returns the checked-out commit, with the suffix `-dirty` if project files differ from it.

    Returns:
        The commit id. None if there is no repository, there is no commit, or the commit contains no
        environments directory.

    Raises:
        GitError: git cannot be used, so the commit is unknown.
    """
    config = project.config
    try:
        repository = find_repository(config.root)
        commit = repository.head
        environments = repository.relatives(config.directories)
        if commit is None or not environments:
            return None
        # If the commit contains no environments directory, the files of the project do not come
        # from this commit.
        if not repository.tree(commit, environments):
            return None
        paths = project_paths(repository, project)
        dirty = repository.changed(commit, paths) or repository.untracked(paths)
    except NoRepository:
        return None
    return f"{commit}-dirty" if dirty else commit


def _touched(
    repository: Repository,
    project: Project,
    declared: Iterable[Declaration],
    changed: frozenset[str],
) -> set[str]:
    """Returns the names of environments whose files or build contexts were changed."""
    around = {item for path in changed for item in (path, *above(path))}
    names = set()
    for declaration in declared:
        source = declaration.source
        for path in (project.path(source), *project.references(source).values()):
            relative = repository.relative(path)
            # For a changed submodule, git reports only the top directory of the submodule. The path
            # that the environment uses can be below this directory.
            if relative in around or (relative and not changed.isdisjoint(above(relative))):
                names.add(declaration.name)
    return names


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Yields every path that has no parent directory among `paths`."""
    last: str | None = None
    # Sort by the components of the paths. As strings, `a-b` would come between `a` and `a/b`.
    for path in sorted(paths, key=lambda path: path.split("/")):
        if last is None or not is_below(path, last):
            last = path
            yield path
