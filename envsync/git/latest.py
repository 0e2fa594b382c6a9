"""Finds the names whose `@latest` moves because of changes since a git commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.naming import natural_order
from envsync.plan.change import LatestChange

if TYPE_CHECKING:
    from envsync.git.repository import Repository
    from envsync.project.project import Project


def moving_latest(
    before: Sequence[Declaration], now: Sequence[Declaration]
) -> tuple[LatestChange, ...]:
    """Returns the names that get a new version, sorted by name.

    A name that was not declared before is left out, because nobody has used its `@latest` yet.

    Args:
        before: the declarations at the commits that the files are compared with.
        now: the declarations in the files.
    """
    known = {(item.name, item.version) for item in before}
    # For a file without `version`, envsync assigns a new version to each new spec.
    unversioned = [(item.name, item.spec) for item in before if item.version is None]
    new = [
        item
        for item in now
        if (item.name, item.version) not in known
        or (item.version is None and (item.name, item.spec) not in unversioned)
    ]
    names = {item.name for item in before} & {item.name for item in new}
    return tuple(
        LatestChange(name, _highest(name, before), _highest(name, new)) for name in sorted(names)
    )


def with_uses(
    project: Project, moves: Sequence[LatestChange], repository: Repository
) -> tuple[LatestChange, ...]:
    """Returns the changes of `@latest` that affect files of the repository, each with its `uses`.

    The files of the repository are searched only if there is a change.

    Args:
        project: the project.
        moves: the result of `moving_latest`.
        repository: the repository of the project.
    """
    if not moves:
        return ()
    # Imported here, because most runs do not search for references.
    from envsync.git.references import references_of

    targets = project.config.targets.values()
    suffixes = {"", *(item.scope.suffix for item in targets)}
    registries = {None, *(item.settings.get("registry", "").lower() for item in targets)}
    references = [
        item
        for item in references_of(project, repository).references
        if item.means_latest and item.registry in registries
    ]
    found = (
        replace(
            move,
            uses=tuple(
                item.use
                for item in references
                if item.name in {move.name + suffix for suffix in suffixes}
            ),
        )
        for move in moves
    )
    return tuple(move for move in found if move.uses)


def _highest(name: str, declarations: Sequence[Declaration]) -> str | None:
    versions = (item.version for item in declarations if item.name == name)
    return max(filter(None, versions), key=natural_order, default=None)
