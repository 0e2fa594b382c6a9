"""What a commit declares, and how that differs from the files of a project as they are now."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envsync.git.checkout import above, check_out, is_below
from envsync.git.repository import Repository, find_repository
from envsync.model.environment import BuildContext, Declaration, EnvironmentSpec
from envsync.model.errors import EnvsyncError, GitError
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


def without_ignored(
    spec: EnvironmentSpec, repository: Repository, ignored: Collection[str]
) -> EnvironmentSpec:
    """A spec as a commit would hold it: its build context without what git has or ignores.

    Args:
        spec: as the work tree has it.
        repository: the one of the project.
        ignored: the files that git ignores in it, at the places of `project_paths`.

    Raises:
        GitError: git cannot tell, of a context in a submodule.
    """
    context = spec.build.context if spec.build else None
    if not spec.build or not isinstance(context, BuildContext) or context.directory is None:
        return spec
    directory = Path(context.directory)
    if _is_in_submodule(directory, repository):
        repository = find_repository(directory)
        ignored = repository.untracked([repository.relative(directory) or ""], ignored=True)
    found = context.files or {}
    ignored = {*ignored, *_ignored_in_submodules(directory, found, repository)}
    start = repository.relative(directory)

    def is_kept(path: str) -> bool:
        if ".git" in path.split("/"):
            return False
        place = f"{start}/{path}".lstrip("/")
        # Git may ignore the file, a link that leads to it, or what that link leads to.
        return not ignored or (
            ignored.isdisjoint((place, *above(place)))
            and repository.relative(directory / path) not in ignored
        )

    files = {path: digest for path, digest in found.items() if is_kept(path)}
    if len(files) == len(found):
        return spec
    kept = BuildContext.of_files(files, directory=context.directory)
    return replace(spec, build=replace(spec.build, context=kept))


def _ignored_in_submodules(
    directory: Path, files: Iterable[str], repository: Repository
) -> Iterator[str]:
    """What git ignores in the submodules below a context, as paths of the repository around."""
    for path in files:
        below, _, last = path.rpartition("/")
        if below and last == ".git":
            inner = find_repository(directory / below)
            start = repository.relative(inner.top)
            yield from (f"{start}/{item}" for item in inner.untracked([""], ignored=True))


def _is_in_submodule(directory: Path, repository: Repository) -> bool:
    return any(
        (path / ".git").exists()
        for path in (directory, *directory.parents)
        if path != repository.top and path.is_relative_to(repository.top)
    )


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


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Those of some paths that lie in no other of them."""
    last: str | None = None
    for path in sorted(paths, key=lambda path: path.split("/")):
        if last is None or not is_below(path, last):
            last = path
            yield path
