"""Reads several targets at the same time, and returns which environment is in which target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from envsync.api.planning import plan_for
from envsync.api.several import open_each, read_each
from envsync.git.checked_out import ensure_checked_out
from envsync.plan.selection import ensure_possible
from envsync.plan.status import Key, Status, status
from envsync.plan.status_cells import target_cells
from envsync.project.for_target import of_other_targets
from envsync.targets.connection import Advance, Connection

if TYPE_CHECKING:
    from envsync.git.references import FoundReferences
    from envsync.model.declaration import Declaration
    from envsync.model.state import State
    from envsync.model.target import Target
    from envsync.plan.plan import Plan
    from envsync.project.project import Project


class Reading(Struct, frozen=True):
    """The result of reading several targets.

    `opened`, `states` and `plans` contain only the targets that could be read.

    Attributes:
        status: the state of each environment version in each target.
        opened: the open targets, by name.
        states: the containers that were read.
        own: the containers that the status shows.
        plans: the plan for each target, from which the status was derived.
    """

    status: Status
    opened: Mapping[str, Target]
    states: Mapping[str, State]
    own: Mapping[str, State]
    plans: Mapping[str, Plan]


def read_status(
    project: Project,
    targets: Iterable[str] = (),
    globs: Sequence[str] = (),
    *,
    everything: bool = False,
    connection: Callable[[str], Connection] = lambda _name: Connection(),
    advance: Advance = lambda _done, _total: None,
) -> Status:
    """Returns the state of each environment version in each target. Never writes to a target.

    A target that cannot be read is `unreachable` in the result. The other targets are shown.

    Args:
        project: the project, from `load_project`.
        targets: the names of targets in `envsync.yaml`. If empty, all targets are read.
        globs: patterns. The result includes only environments whose name matches a pattern, with or
            without the suffix of a target. If empty, every environment is included.
        everything: if True, the result also includes undeclared versions that are archived or
            belong to other owners. If containers have no owners in their tags, more requests are
            needed.
        connection: a function that returns the settings of the connection for a target.
        advance: a function that is called with the number of targets that are read, and the number
            of all targets.

    Raises:
        EnvsyncError: a pattern matches no environment, or there is no project.
        InvalidProject: the settings of a target are not valid for the declared environments.
        UsageError: the settings contain no target of this name.
    """
    ensure_possible(globs, project.declarations)
    with reading(
        project, targets, everything=everything, connection=connection, advance=advance
    ) as found:
        return found.status.selected(globs, project.declarations)


@contextmanager
def reading(
    project: Project,
    targets: Iterable[str] = (),
    *,
    everything: bool = False,
    connection: Callable[[str], Connection] = lambda _name: Connection(),
    advance: Advance = lambda _done, _total: None,
    found: FoundReferences | None = None,
) -> Iterator[Reading]:
    """Reads targets, and keeps them open until the end of the block.

    Raises the same exceptions as `read_status`.

    Args:
        project: the project, from `load_project`.
        targets: as for `read_status`.
        everything: as for `read_status`.
        connection: as for `read_status`.
        advance: as for `read_status`.
        found: the references of the repository. If set, the containers to which the references
            refer are read as well. The status does not show these containers.
    """
    project.ensure_found()
    ensure_checked_out(project)
    names = tuple(dict.fromkeys(targets)) or tuple(project.config.targets)
    owner = project.config.policy.project
    with ExitStack() as stack:
        opened, unreachable = open_each(project, names, connection, stack)
        # Read the declarations before the targets: a conflict between settings and files is then
        # reported at once.
        declared = {name: project.declared_for(name) for name in opened}
        wanted = {name: {item.name for item in items} for name, items in declared.items()}
        used = {item.name for item in found.references if item.name} if found else set()
        states, errors = read_each(
            {
                name: partial(target.read, None if everything else wanted[name] | used, owner)
                for name, target in opened.items()
            },
            advance,
        )
        read = {
            name: {
                key: item
                for key, item in states[name].items()
                if everything
                or key in wanted[name]
                or any(version.owner == owner for version in item.versions)
            }
            for name in opened
            if name in states
        }
        own, plans = _plans(project, opened, declared, read, found)
        cells = {
            name: target_cells(
                declared[name],
                own[name],
                plan,
                project.config.policy,
                suffix=project.config.targets[name].scope.suffix,
            )
            for name, plan in plans.items()
        }
        result = status(
            cells,
            {**unreachable, **errors},
            {Key(item.name, item.version): item.source for item in project.declarations},
            targets=names,
            archived=everything,
        )
        yield Reading(result, {name: opened[name] for name in plans}, states, own, plans)


def _plans(
    project: Project,
    opened: Mapping[str, Target],
    declared: Mapping[str, Sequence[Declaration]],
    states: Mapping[str, State],
    found: FoundReferences | None,
) -> tuple[dict[str, State], dict[str, Plan]]:
    """Makes the plan for each target that was read.

    Also returns the state of each target. Environments that the project declares only for other
    targets are left out of this state.
    """
    config = project.config
    own: dict[str, State] = {}
    for name, state in states.items():
        names = {item.name for item in declared[name]}
        others = of_other_targets(state.keys() - names, project.declarations, config, name)
        own[name] = {key: item for key, item in state.items() if key not in others}
    # Imported here, because the import is slow and other commands import this module as well.
    from envsync.git import references

    # The search for references takes time, and its result is the same for all targets. The result
    # is needed only if a plan archives something.
    archives = config.policy.superseded == "archive" or any(
        item.owner == config.policy.project
        for name, state in own.items()
        for key in state.keys() - {item.name for item in declared[name]}
        for item in state[key].active
    )
    if found is None:
        found = references.references_of(project) if archives else references.FoundReferences((), 0)
    plans = {
        name: plan_for(
            project,
            opened[name],
            # A status shows what would be archived, even if nothing is declared for the target.
            allow_mass_archive=not declared[name],
            found=found,
            actual=own[name],
        )
        for name in own
    }
    return own, plans
