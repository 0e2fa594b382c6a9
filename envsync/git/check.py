"""Compares every declared environment with its content at git commits, for `envsync check`.

The comparison treats a commit like a target. An edit that a plan would reject as `immutable` is
rejected here as well, before the version is registered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from envsync.git.base import Base, find_bases
from envsync.git.changed import project_paths
from envsync.git.checked_out import ensure_checked_out
from envsync.git.checkout import is_below
from envsync.git.declared import declared_at
from envsync.git.findings import WHY_IMMUTABLE, edited, git_ignored, went_back
from envsync.git.ignored import without_ignored
from envsync.git.latest import moving_latest
from envsync.git.repository import Repository, find_repository
from envsync.model.declaration import Declaration, Source
from envsync.model.environment import Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import GitError
from envsync.model.naming import natural_order
from envsync.model.problem import Problem
from envsync.model.state import RegisteredVersion
from envsync.plan.bump import bump_command
from envsync.plan.change import FieldChange, LatestChange, Rejection
from envsync.plan.compare import match_spec, spec_fields
from envsync.project.memo import Memo

if TYPE_CHECKING:
    from envsync.project.project import Project


class Checked(Struct, frozen=True):
    """The result of comparing a project with commits.

    Attributes:
        repository: the repository of the project.
        bases: the commits that the project was compared with. During a merge, there are several
            commits. Empty if there is no earlier commit.
        rejections: the versions whose immutable fields differ from their values at a commit.
        problems: one problem for each rejection, at the position of its first changed field,
            followed by the warnings.
        fields: maps the problem of each rejection to the changed fields.
        used: maps each name to the versions that the current commit or a base commit declares.
        latest: the names that get a new version, with the highest versions before and after. These
            versions are None if envsync assigns the versions of a name. `uses` is empty.
    """

    repository: Repository
    bases: tuple[Base, ...]
    rejections: tuple[Rejection, ...]
    problems: tuple[Problem, ...]
    fields: Mapping[Problem, tuple[FieldChange, ...]]
    used: Mapping[str, frozenset[str]]
    latest: tuple[LatestChange, ...] = ()


def check(project: Project, base: str | None = None) -> Checked:
    """Compares the declared environments with their content at git commits.

    Args:
        project: the result of `load_project`. The files of the project are not read again.
        base: the commit to compare with. By default, `find_bases` chooses the commits, such as the
            commit at which the current branch began.

    Raises:
        GitError: there is no repository, there is nothing to compare with, an environment file is
            outside of the repository, or this clone lacks the commit or its content.
    """
    ensure_checked_out(project)
    repository = find_repository(project.config.root)
    paths = project_paths(repository, project)
    # Search for ignored files only if there are untracked files. Most projects have none.
    untracked = repository.untracked(paths, ignored=None)
    _ensure_inside(project, repository, untracked)
    files = repository.untracked(paths, ignored=True) if untracked else untracked
    ignored = list(_ignored(project, repository, files))
    # No commit contains an ignored environment file, so this file cannot be compared.
    uncommitted = {source for source, field in ignored if not field}
    now = [
        replace(item, spec=without_ignored(item.spec, repository, files))
        for item in project.declarations
        if item.source not in uncommitted
    ]
    memo = Memo()
    before_at = cache(lambda commit: declared_at(repository, commit, project.config, memo))
    bases = find_bases(
        repository, base, lambda commit: _contents(before_at(commit)) != _contents(now)
    )
    before = {item.commit: before_at(item.commit) for item in bases}
    everything = [item for declared in before.values() for item in declared]
    used = _used(project, repository, before, memo)
    rejected = list(_rejections(before, now, used))
    fields = {edited(project, item, source): item.fields for item, source in rejected}
    warnings = [went_back(project, item, version) for item, version in _going_back(everything, now)]
    warnings += [git_ignored(project, source, field) for source, field in ignored]
    return Checked(
        repository=repository,
        bases=bases,
        rejections=tuple(item for item, _ in rejected),
        problems=(*sorted(fields, key=_order), *sorted(warnings, key=_order)),
        fields=fields,
        used=used,
        latest=moving_latest(everything, now),
    )


def _ensure_inside(project: Project, repository: Repository, untracked: Collection[str]) -> None:
    """Checks that the repository can contain every environment file.

    No commit contains a file outside of the repository, so every edit of such a file would be
    accepted.

    Args:
        project: the project.
        repository: the repository of the project.
        untracked: the untracked files of the project. If a directory is another repository, git
            lists only the directory, with `/` at the end.

    Raises:
        GitError: a file is outside of the repository, or in another repository that is not a
            submodule.
    """
    others = {path.removesuffix("/") for path in untracked if path.endswith("/")}
    for item in project.declarations:
        file = project.path(item.source)
        path = repository.relative(file)
        if path is None:
            raise GitError(
                f"Cannot compare {file} with a commit, because a symbolic link leads to a file "
                f"outside of the git repository {repository.top}. Move the file into the "
                "repository."
            )
        other = next((above for above in others if is_below(path, above)), None)
        if other is not None:
            raise GitError(
                f"Cannot compare {file} with a commit, because the directory "
                f"{repository.top / other} is another git repository, and not a submodule of "
                f"{repository.top}. Add it with `git submodule add`, or remove its `.git`."
            )


def _contents(
    declarations: Iterable[Declaration],
) -> dict[tuple[str, str | None], tuple[EnvironmentSpec, Metadata]]:
    """Maps each declared version to its spec and metadata. The source is left out."""
    return {(item.name, item.version): (item.spec, item.metadata) for item in declarations}


def _rejections(
    before: Mapping[str, Iterable[Declaration]],
    now: Sequence[Declaration],
    used: Mapping[str, frozenset[str]],
) -> Iterator[tuple[Rejection, Source]]:
    """Yields a pair for each edited version: the rejection, and the source of the declaration.

    If a version differs from its content at several commits, the rejection is about the first of
    these commits.
    """
    taken = {item.name: {*used.get(item.name, ())} for item in now}
    for item in now:
        taken[item.name].add(item.version or "")
    versions = Counter(item.name for item in now)
    specs = {
        commit: {(item.name, item.version): item.spec for item in declared}
        for commit, declared in before.items()
    }
    for item in now:
        # If a file has no `version`, envsync assigns a new version to each edit, so every edit is
        # allowed.
        if item.version is None:
            continue
        key = EnvironmentKey(item.name, item.version)
        found = _first_difference(key, item.spec, specs)
        if found is not None:
            commit, spec = found
            rejection = Rejection(
                code="immutable",
                name=key.name,
                version=key.version,
                message=f"{key} differs from commit {commit[:7]}. {WHY_IMMUTABLE}",
                fix=bump_command(
                    key.name,
                    key.version,
                    alone=versions[key.name] == 1,
                    taken=taken[key.name],
                ),
                fields=spec_fields(spec, item.spec),
                source=item.source,
            )
            yield rejection, item.source


def _first_difference(
    key: EnvironmentKey,
    now: EnvironmentSpec,
    specs: Mapping[str, Mapping[tuple[str, str | None], EnvironmentSpec]],
) -> tuple[str, EnvironmentSpec] | None:
    """Returns the first commit at which a version had a different spec, and that spec."""
    for commit, declared in specs.items():
        spec = declared.get((key.name, key.version))
        if spec is not None:
            registered = RegisteredVersion(Environment(key, spec))
            if match_spec(now, registered) != "same":
                return commit, spec
    return None


def _going_back(
    before: Sequence[Declaration], now: Sequence[Declaration]
) -> Iterator[tuple[Declaration, str]]:
    """Finds the environments whose highest version is lower now than at the commits.

    For each of these environments, yields a pair: the declaration with the highest version now, and
    the version that was the highest at the commits.
    """
    # Names that no longer have a version are skipped, because a removal is not a lower version.
    then = _highest(before)
    for name, item in _highest(now).items():
        version = then[name].version if name in then else None
        if version and natural_order(item.version or "") < natural_order(version):
            yield item, version


def _highest(declarations: Sequence[Declaration]) -> dict[str, Declaration]:
    """Maps each name to the declaration with its highest version. Skips unversioned names."""
    versioned = [item for item in declarations if item.version is not None]
    return {
        item.name: item
        for item in sorted(versioned, key=lambda item: natural_order(item.version or ""))
    }


def _ignored(
    project: Project, repository: Repository, ignored: Collection[str]
) -> Iterator[tuple[Source, str]]:
    """Yields the source and the field of each declared path that git ignores.

    The field is empty if git ignores the environment file itself.
    """
    for item in project.declarations if ignored else ():
        for field, path in {
            "": project.path(item.source),
            **project.references(item.source),
        }.items():
            # Git lists ignored files, not directories. A build context counts as ignored if git
            # ignores its Dockerfile.
            dockerfile = item.spec.build.dockerfile_path if field and item.spec.build else ""
            if repository.relative(path / dockerfile) in ignored:
                yield item.source, field


def _used(
    project: Project,
    repository: Repository,
    before: Mapping[str, Sequence[Declaration]],
    memo: Memo,
) -> dict[str, frozenset[str]]:
    """Maps each name to the versions that the current commit or a commit in `before` declares."""
    head = repository.head
    here = repository.relatives(project.config.directories)
    found = [item for declared in before.values() for item in declared]
    if head is not None and head not in before and here:
        # If no file differs from the current commit, this commit contains exactly the loaded
        # declarations.
        unchanged = not repository.changed(head, here)
        found += (
            project.declarations
            if unchanged
            else declared_at(repository, head, project.config, memo)
        )
    used: dict[str, set[str]] = {}
    for item in found:
        if item.version is not None:
            used.setdefault(item.name, set()).add(item.version)
    return {name: frozenset(versions) for name, versions in used.items()}


def _order(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line, problem.column, problem.message
