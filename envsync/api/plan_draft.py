"""A plan before the target is read: the environments that the plan includes, and its limits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from envsync.git.skipped import may_skip
from envsync.model.errors import EnvsyncError
from envsync.plan import planner
from envsync.plan.change import Action
from envsync.plan.in_use import References
from envsync.plan.options import Options
from envsync.plan.plan import Plan
from envsync.plan.selection import ensure_possible
from envsync.project.for_target import of_other_targets, useless_patterns
from envsync.project.left_out import left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from envsync.git.references import FoundReferences
    from envsync.model.declaration import Declaration
    from envsync.model.policy import Policy
    from envsync.model.state import State
    from envsync.model.target import Target, TargetIdentity
    from envsync.project.project import Project


class PlanDraft(Struct, frozen=True):
    """The plan for one target, without the state of the target.

    The states of several targets can be read at the same time. Making the plans from the states is
    not thread-safe, because a plan can need git.

    Attributes:
        project: the project.
        target: the identity of the target.
        declared: the environments that the target should contain.
        policy: the limits of the plan.
        options: the arguments of the plan.
    """

    project: Project
    target: TargetIdentity
    declared: tuple[Declaration, ...]
    policy: Policy
    options: Options

    def read(self, target: Target) -> State:
        """Returns the state that the plan needs. Reads nothing if the plan includes no environment.

        Raises:
            TargetError: the target cannot be read.
        """
        only = self.options.names
        # Do not read the target for an empty selection, because reading a target in Azure takes
        # seconds and needs a login.
        if only == ():
            return {}
        if only is not None and not self.options.globs:
            # The other environments matter only to the limit on archives, so they are read only if
            # the plan archives something.
            state = target.read(set(only))
            if not _archived(self._planner(state)()):
                return state
        # Also read versions that the project owns but no longer declares, because the plan can
        # archive them.
        return target.read({item.name for item in self.declared}, self.policy.project)

    def plan(self, actual: State, found: FoundReferences | None = None) -> Plan:
        """Returns the plan.

        Args:
            actual: the state of the target.
            found: the references of the repository. If None, envsync searches the files of the
                repository, but only if the plan needs the references.
        """
        project, name, options = self.project, self.target.name, self.options
        if options.names == ():
            return Plan(self.policy.project, self.target, options=options)
        make = self._planner(actual)
        plan = make()
        warnings: list[str] = []
        archived = _archived(plan)
        # Reading the files of a repository takes time, and most plans need no references.
        if plan.latest or archived:
            if found is None:
                from envsync.git.references import references_of

                found = references_of(project)
            make = partial(make, references=References.of(found.references, self.target))
            warnings += filter(None, [found.warning])
        if archived:
            # Search git for the files of versions only if the plan archives something, because git
            # is slow.
            from envsync.git.proof import still_there

            ours = [
                version
                for key in archived
                for version in actual[key].versions
                if version.owner == self.policy.project
            ]
            plan = make(
                still_there=still_there(project, ours, self._suffix),
                left_out=left_out(project, name, ours),
            )
        elif plan.latest:
            plan = make()
        useless = useless_patterns(project.declarations, project.config, name)
        warnings = [*plan.warnings, *warnings, *useless]
        return replace(plan, warnings=tuple(warnings), options=options)

    def _planner(self, state: State) -> Callable[..., Plan]:
        project, name, names = self.project, self.target.name, self.options.names
        undeclared = state.keys() - {item.name for item in self.declared}
        others = of_other_targets(undeclared, project.declarations, project.config, name)
        return partial(
            planner.make_plan,
            self.declared,
            {key: container for key, container in state.items() if key not in others},
            self.policy,
            target=self.target,
            globs=self.options.globs,
            only=None if names is None else frozenset(names),
            suffix=self._suffix,
        )

    @property
    def _suffix(self) -> str:
        targets, name = self.project.config.targets, self.target.name
        return targets[name].scope.suffix if name in targets else ""


def _archived(plan: Plan) -> set[str]:
    return {change.name for change in plan.changes if change.action is Action.ARCHIVE}


def draft_plan(
    project: Project,
    target: TargetIdentity,
    globs: Sequence[str] = (),
    *,
    only: Collection[str] | None = None,
    commit: str | None = None,
    take_over: bool = False,
    allow_mass_archive: bool = False,
    allow_in_use: bool = False,
) -> PlanDraft:
    """Returns the draft of a plan. Arguments are the same as for `plan_for`.

    Raises:
        EnvsyncError: the project declares no environment, or a pattern matches no environment.
        InvalidProject: the settings of the target are not valid for the declared environments.
    """
    config, name = project.config, target.name
    if config.has_default_project:
        # `envsync.git` is imported only here, because the import is slow. Projects that set
        # `project` do not need it.
        from envsync.git.proposal import ensure_project

        ensure_project(config, name)
    if may_skip(config.root):
        # Imported here, because importing git is slow, and few work trees lack files.
        from envsync.git.checked_out import ensure_checked_out

        ensure_checked_out(project)
    declared = project.declared_for(name)
    # If envsync finds no file, the files are not necessarily deleted: a directory or a setting can
    # be wrong.
    if not project.declarations and not allow_mass_archive:
        raise _nothing_found(project)
    if project.declarations and not declared and not allow_mass_archive:
        raise EnvsyncError(
            f"The settings of the target '{name}' leave out every environment. Correct `include` "
            "and `exclude` of the target, or pass --allow-mass-archive."
        )
    if only is None or only:
        ensure_possible(globs, declared)
    return PlanDraft(
        project,
        target,
        declared,
        replace(
            config.policy,
            take_over=take_over,
            allow_mass_archive=allow_mass_archive,
            allow_in_use=allow_in_use,
            commit=commit,
        ),
        Options(
            globs=tuple(globs),
            names=None if only is None else tuple(sorted(only)),
            take_over=take_over,
            allow_mass_archive=allow_mass_archive,
            allow_in_use=allow_in_use,
        ),
    )


def _nothing_found(project: Project) -> EnvsyncError:
    """Returns the error for a project without environment files.

    Raises:
        EnvsyncError: the project has neither environment files nor a settings file.
    """
    project.ensure_found()
    config = project.config
    message = f"There is no environment file below {_listed(config.environments)}"
    if missing := project.missing_directories:
        settings = config.path.name if config.path else "envsync.yaml"
        message = (
            f"{_listed(missing)} in `environments` of {settings} is not a directory, so there is "
            "no environment file. Correct the name, or restore the directory"
        )
    if config.policy.prune == "none":
        consequence = "With `prune: none`, nothing is archived, so there is nothing to plan."
    elif missing:
        consequence = (
            "If you have deleted every environment file on purpose, pass --allow-mass-archive to "
            "archive every environment of the project."
        )
    else:
        consequence = (
            "The plan would archive every environment of the project. To allow this, pass "
            "--allow-mass-archive."
        )
    return EnvsyncError(f"{message}. {consequence}")


def _listed(directories: Sequence[str]) -> str:
    return ", ".join(f"`{directory}`" for directory in directories)
