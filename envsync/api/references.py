"""Compares the references of a project with the declared environments and with a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from envsync.api.planning import plan_for
from envsync.git.references import references_of
from envsync.model.problem import Problem, Severity
from envsync.model.wording import MAX_MESSAGE, printable
from envsync.plan.in_use import means
from envsync.plan.reference_status import Declared, Held, Judged, judge, unused
from envsync.plan.selection import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsync.git.references import FoundReferences
    from envsync.model.declaration import Declaration
    from envsync.model.state import State
    from envsync.model.target import Target
    from envsync.project.project import Project
    from envsync.project.rules import Level

UNUSED = "unused-environment"


class References(Struct, frozen=True):
    """The references of a project, and the problems that they have.

    Attributes:
        references: the references, sorted by file, line and column.
        problems: the problems of the references, sorted by position.
        unused: the declared environments that no reference uses.
        files: the number of files that were searched.
        warning: a sentence that says why the list of references may be incomplete. Empty if the
            list is complete.
    """

    references: tuple[Judged, ...]
    problems: tuple[Problem, ...]
    unused: tuple[Declaration, ...]
    files: int
    warning: str = ""


def find_references(
    project: Project,
    target: Target | None = None,
    globs: Sequence[str] = (),
    *,
    found: FoundReferences | None = None,
) -> References:
    """Returns the references in the repository of a project.

    Args:
        project: the project, from `load_project`.
        target: an open target. The references are compared with the state that the target would
            have after an apply. If None, the references are compared only with the declared
            environments.
        globs: patterns. The result includes only references and environments whose name matches a
            pattern. If empty, everything is included.
        found: the references, if they were already searched for.

    Raises:
        EnvsyncError: the target cannot be read.
        InvalidProject: the settings of the target are not valid for the declared environments.
    """
    if found is None:
        found = references_of(project, with_specs=True)
    declared = declared_in(project)
    held = None
    if target is not None:
        names = {
            item.name
            for item in found.references
            if item.name is not None and means(item, target.identity)
        }
        names |= {item.name for item in project.declared_for(target.identity.name)}
        held = held_in(project, target, found, target.read(names, project.config.policy.project))
    judged = judge(found.references, declared, held)

    def selects(name: str) -> bool:
        return not globs or any(matches(name, glob) for glob in globs)

    left = tuple(item for item in unused(judged, declared) if selects(item.name))
    kept = tuple(item for item in judged if selects(item.reference.name or ""))
    problems = [*_problems(kept, project.config.rules), *_unused(left, project.config.rules)]
    return References(
        kept,
        tuple(sorted(problems, key=lambda item: item.order)),
        left,
        found.files,
        found.warning,
    )


def unused_problems(
    declarations: Iterable[Declaration], severity: Severity = "warning"
) -> Iterator[Problem]:
    """Yields a problem for each declared environment that nothing uses."""
    for item in declarations:
        version = "" if item.version is None else f":{item.version}"
        yield Problem(
            rule=UNUSED,
            severity=severity,
            message=f"No file of the repository uses {item.name}{version}.",
            file=item.source.file,
            line=item.source.line,
            column=1,
            fix="Delete the file if nothing outside of the repository uses the environment.",
        )


def declared_in(project: Project) -> Declared:
    """Returns the environments that a project declares, and their names in the targets."""
    targets = project.config.targets.values()
    return Declared(
        project.declarations,
        suffixes={item.scope.suffix for item in targets},
        registries={
            item.settings.get("registry", "").lower() for item in targets if item.kind == "registry"
        },
        has_workspace=any(item.kind != "registry" for item in targets),
    )


def held_in(project: Project, target: Target, found: FoundReferences, state: State) -> Held:
    """Returns the states that references are compared with: the target before and after the plan.

    Args:
        project: the project, from `load_project`.
        target: the open target.
        found: the references of the repository.
        state: the containers of the target that are declared or that a reference refers to.

    Raises:
        InvalidProject: the settings of the target are not valid for the declared environments.
    """
    if not project.declared_for(target.identity.name):
        return Held(target.identity, state)
    plan = plan_for(
        project,
        target,
        # No archive is refused here, because this plan only shows which references would break.
        allow_in_use=True,
        allow_mass_archive=True,
        found=found,
        actual=state,
    )
    return Held(target.identity, state, plan)


def _problems(judged: Iterable[Judged], rules: Mapping[str, Level]) -> Iterator[Problem]:
    for item in judged:
        reference, finding = item.reference, item.finding
        if finding is None or finding.rule in reference.ignored:
            continue
        level = rules[finding.rule]
        if level == "off":
            continue
        # It is not certain that a probable reference is passed to Azure ML, so such a reference is
        # never an error.
        severity: Severity = "warning" if reference.certainty == "probable" else level
        yield Problem(
            rule=finding.rule,
            severity=severity,
            message=printable(finding.message, MAX_MESSAGE),
            file=reference.file,
            line=reference.line,
            column=reference.column,
            fix=printable(finding.fix, MAX_MESSAGE),
        )


def _unused(declarations: Iterable[Declaration], rules: Mapping[str, Level]) -> Iterator[Problem]:
    level = rules[UNUSED]
    if level != "off":
        yield from unused_problems(declarations, level)
