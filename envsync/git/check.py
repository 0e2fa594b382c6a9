"""`check`: holds every declared environment against what a git commit held.

It is a plan with the commit in the place of a target: what a plan would reject as `immutable` is
rejected here, before anything is registered.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envsync.git.changed import project_paths
from envsync.git.declared import declared_at
from envsync.git.findings import edited, git_ignored, went_back
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
from envsync.project.discovery import references
from envsync.project.files import Sources

if TYPE_CHECKING:
    from envsync.project.project import Project

NO_COMMIT: Final = "0" * 40
"""Stands for the commit where there is none yet, as it does in git itself."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of comparing a project with a commit.

    Attributes:
        base: the commit, 40 hex digits; all zero where nothing was committed yet.
        rejections: versions whose immutable fields differ from what the commit holds.
        problems: the same, each on the line of the first field that changed, then warnings.
        fields: what differs, for each problem that is a rejection.
        used: versions by name that the commit or the one that is checked out declares.
        base_name: what people call the commit, such as `origin/main`.
    """

    base: str
    rejections: tuple[Rejection, ...]
    problems: tuple[Problem, ...]
    fields: Mapping[Problem, tuple[FieldChange, ...]]
    used: Mapping[str, frozenset[str]]
    base_name: str = "HEAD"


def check(project: Project, base: str | None = None) -> Checked:
    """Compares the declared environments with what a commit held.

    Args:
        project: as `load_project` returned it.
        base: the commit; without it, the one where the current branch began.

    Raises:
        GitError: there is no repository, no such commit, or its content is missing.
    """
    root = project.config.root
    repository = find_repository(root)
    found = repository.base(base)
    before = declared_at(repository, found.commit, project.config) if found.commit else ()
    files = repository.untracked(project_paths(repository, project.config), ignored=True)
    ignored = list(_ignored(project, repository, files))
    unseen = {source for source, field in ignored if not field}
    now = [
        replace(item, spec=without_ignored(item.spec, repository, files))
        for item in project.declarations
        if item.source not in unseen
    ]
    rejected = list(_rejections(before, now, found.commit or NO_COMMIT))
    fields = {edited(root, item, source): item.fields for item, source in rejected}
    warnings = [went_back(root, item, version) for item, version in _going_back(before, now)]
    warnings += [git_ignored(root, source, field) for source, field in ignored]
    return Checked(
        base=found.commit or NO_COMMIT,
        rejections=tuple(item for item, _ in rejected),
        problems=(*sorted(fields, key=_order), *sorted(warnings, key=_order)),
        fields=fields,
        used=_used(project, repository, found.commit, before),
        base_name=found.name,
    )


def _rejections(
    before: Iterable[Declaration], now: Sequence[Declaration], commit: str
) -> Iterator[tuple[Rejection, Source]]:
    """What a target that holds the commit's versions would reject, with the file of each."""
    held = {(item.name, item.version): item.spec for item in before}
    versions = Counter(item.name for item in now)
    for item in now:
        spec = held.get((item.name, item.version))
        if spec is None or item.version is None:
            continue
        key = EnvironmentKey(item.name, item.version)
        if match_spec(item.spec, RegisteredVersion(Environment(key, spec))) != "same":
            yield (
                Rejection(
                    "immutable",
                    key.name,
                    key.version,
                    f"{key} has another content in commit {commit[:7]}, and that is fixed at "
                    "creation.",
                    bump_command(key.name, key.version, alone=versions[key.name] == 1),
                    spec_fields(spec, item.spec),
                    item.source,
                ),
                item.source,
            )


def _going_back(
    before: Sequence[Declaration], now: Sequence[Declaration]
) -> Iterator[tuple[Declaration, str]]:
    """Declarations of the highest version of a name that had a higher one, and which that was."""
    then = _highest(before)
    for name, item in _highest(now).items():
        version = then[name].version if name in then else None
        if version and natural_order(item.version or "") < natural_order(version):
            yield item, version


def _highest(declarations: Sequence[Declaration]) -> dict[str, Declaration]:
    """The declaration of the highest version of each name that has versions."""
    versioned = [item for item in declarations if item.version is not None]
    return {
        item.name: item
        for item in sorted(versioned, key=lambda item: natural_order(item.version or ""))
    }


def _ignored(
    project: Project, repository: Repository, ignored: Collection[str]
) -> Iterator[tuple[Source, str]]:
    """Files that git ignores: where each is declared, and the field that names it, if one does."""
    root = project.config.root
    sources = Sources(str(root), os.path.realpath(root))
    for item in project.declarations if ignored else ():
        file = root / item.source.file
        for field, path in {"": str(file), **references(str(file), sources)}.items():
            whole = item.spec.build.dockerfile_path if field and item.spec.build else ""
            if repository.relative(Path(path, whole)) in ignored:
                yield item.source, field


def _used(
    project: Project, repository: Repository, commit: str | None, before: Sequence[Declaration]
) -> dict[str, frozenset[str]]:
    """The versions of each name that a commit or the one that is checked out declares."""
    head = repository.head()
    here = repository.relative(project.config.root / project.config.environments)
    found = list(before)
    if head is not None and head != commit and here is not None:
        unchanged = not repository.changed(head, [here])
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
