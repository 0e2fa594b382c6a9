"""Compares every declared environment with its content at a git commit, for `envsync check`.

The comparison treats the commit like a target. An edit that a plan would reject as `immutable` is
rejected here as well, before the version is registered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from envsync.git.changed import project_paths
from envsync.git.checked_out import ensure_checked_out
from envsync.git.declared import declared_at
from envsync.git.findings import WHY_IMMUTABLE, edited, git_ignored, went_back
from envsync.git.ignored import without_ignored
from envsync.git.repository import Repository, find_repository
from envsync.model.declaration import Declaration, Source
from envsync.model.environment import Environment, EnvironmentKey
from envsync.model.naming import natural_order
from envsync.model.problem import Problem
from envsync.model.state import RegisteredVersion
from envsync.plan.bump import bump_command
from envsync.plan.change import FieldChange, Rejection
from envsync.plan.compare import match_spec, spec_fields

if TYPE_CHECKING:
    from envsync.project.project import Project

NO_COMMIT: Final = "0" * 40
"""The value of `Checked.base` in a repository without commits. Git passes the same value to
hooks."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of comparing a project with a commit.

    Attributes:
        base: the commit id. `NO_COMMIT` before the first commit.
        rejections: the versions whose immutable fields differ from their values at the commit.
        problems: first a problem for each rejection, at the position of its first changed field,
            then the warnings.
        fields: maps the problem of each rejection to the changed fields.
        used: the versions that the base commit or the current commit declares, by name.
        base_name: the name of the commit in messages, such as `origin/main`.
    """

    base: str
    rejections: tuple[Rejection, ...]
    problems: tuple[Problem, ...]
    fields: Mapping[Problem, tuple[FieldChange, ...]]
    used: Mapping[str, frozenset[str]]
    base_name: str = "HEAD"


def check(project: Project, base: str | None = None) -> Checked:
    """Compares the declared environments with their content at a commit.

    Args:
        project: the result of `load_project`. The files of the project are not read again.
        base: the commit. By default, the commit at which the current branch began.

    Raises:
        GitError: there is no repository, or the commit or its content is missing in this clone.
    """
    ensure_checked_out(project)
    repository = find_repository(project.config.root)
    found = repository.base(base)
    before = declared_at(repository, found.commit, project.config) if found.commit else ()
    files = repository.untracked(project_paths(repository, project), ignored=True)
    ignored = list(_ignored(project, repository, files))
    # No commit contains an ignored environment file, so this file cannot be compared.
    uncommitted = {source for source, field in ignored if not field}
    now = [
        replace(item, spec=without_ignored(item.spec, repository, files))
        for item in project.declarations
        if item.source not in uncommitted
    ]
    used = _used(project, repository, commit=found.commit, before=before)
    rejected = list(_rejections(before, now, found.commit or NO_COMMIT, used))
    fields = {edited(project, item, source): item.fields for item, source in rejected}
    warnings = [went_back(project, item, version) for item, version in _going_back(before, now)]
    warnings += [git_ignored(project, source, field) for source, field in ignored]
    return Checked(
        base=found.commit or NO_COMMIT,
        rejections=tuple(item for item, _ in rejected),
        problems=(*sorted(fields, key=_order), *sorted(warnings, key=_order)),
        fields=fields,
        used=used,
        base_name=found.name,
    )


def _rejections(
    before: Iterable[Declaration],
    now: Sequence[Declaration],
    commit: str,
    used: Mapping[str, frozenset[str]],
) -> Iterator[tuple[Rejection, Source]]:
    """Yields a rejection for each edited version, with the source of its declaration."""
    taken = {item.name: {*used.get(item.name, ())} for item in now}
    for item in now:
        taken[item.name].add(item.version or "")
    held = {(item.name, item.version): item.spec for item in before}
    versions = Counter(item.name for item in now)
    for item in now:
        spec = held.get((item.name, item.version))
        # If a file has no `version`, envsync assigns a new version to each edit, so every edit is
        # allowed.
        if spec is None or item.version is None:
            continue
        key = EnvironmentKey(item.name, item.version)
        if match_spec(item.spec, RegisteredVersion(Environment(key, spec))) != "same":
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


def _going_back(
    before: Sequence[Declaration], now: Sequence[Declaration]
) -> Iterator[tuple[Declaration, str]]:
    """Finds the environments whose highest version is lower than at the commit.

    Yields the declaration with the highest version, and the highest version at the commit.
    """
    # Names that no longer have a version are skipped, because a removal is not a lower version.
    then = _highest(before)
    for name, item in _highest(now).items():
        version = then[name].version if name in then else None
        if version and natural_order(item.version or "") < natural_order(version):
            yield item, version


def _highest(declarations: Sequence[Declaration]) -> dict[str, Declaration]:
    """Returns the declaration with the highest version, by name. Skips unversioned names."""
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
    *,
    commit: str | None,
    before: Sequence[Declaration],
) -> dict[str, frozenset[str]]:
    """Returns the versions that `commit` or the current commit declares, by name."""
    head = repository.head()
    here = repository.relatives(project.config.directories)
    found = list(before)
    if head is not None and head != commit and here:
        # If no file differs from the current commit, this commit contains exactly the loaded
        # declarations.
        unchanged = not repository.changed(head, here)
        found += (
            project.declarations if unchanged else declared_at(repository, head, project.config)
        )
    used: dict[str, set[str]] = {}
    for item in found:
        if item.version is not None:
            used.setdefault(item.name, set()).add(item.version)
    return {name: frozenset(versions) for name, versions in used.items()}


def _order(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line, problem.column, problem.message
