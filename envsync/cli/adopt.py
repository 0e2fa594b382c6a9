"""Takes ownership of versions that `envsync import` has just declared."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from envsync.api import Verification, apply_and_verify, plan_for, provenance
from envsync.api.importing import Imported
from envsync.cli.plan import shown_plan
from envsync.cli.session import Session
from envsync.cli.signals import finishing_on_signals
from envsync.model.errors import EnvsyncError, Interrupted
from envsync.plan.change import Action
from envsync.plan.outcome import Outcome
from envsync.project.project import load_project
from envsync.render.outcomes import applied_text, outcome_column, outcome_text
from envsync.targets.scratch import remove_scratch

if TYPE_CHECKING:
    from envsync.model.target import Target
    from envsync.plan.plan import Plan


def adopt_imported(
    session: Session, target: Target, imported: Collection[Imported], *, silent: bool
) -> tuple[list[Outcome], bool]:
    """Makes this project the owner of the imported versions, by writing tags.

    Returns:
        The outcomes, which are printed unless `silent`. Also returns whether the target was read
        again and shows every change.

    Raises:
        EnvsyncError: the plan for these environments has a rejection, or a change other than an
            update of the imported versions. Nothing was written.
        Interrupted: a signal stopped the run.
    """
    # Load the project again, because the new files did not exist when it was loaded before.
    project = load_project(config_file=session.config_file)
    suffix = project.config.target(target.identity.name).scope.suffix
    keys = {(item.name + suffix, item.version) for item in imported}
    names = {name for name, _ in keys}
    commit = provenance(project)

    def plan_now() -> Plan:
        return plan_for(project, target, only=names, commit=commit)

    plan = plan_now()
    if plan.rejections or not all(
        change.action is Action.UPDATE and (change.name, change.version) in keys
        for change in plan.changes
    ):
        session.err(shown_plan(session, plan))
        raise EnvsyncError(
            "The files were written, but the versions were not adopted, because the plan has "
            "a rejection, or a change that is not an adoption. Run `envsync plan`, and then "
            "`envsync apply`."
        )
    outcomes: list[Outcome] = []
    missing: tuple[str, ...] | None = None
    with finishing_on_signals(remove_scratch) as stopped, session.progress("Adopting") as advance:
        for item in apply_and_verify(plan, target, plan_now, stop=stopped):
            if isinstance(item, Verification):
                missing = item.unverified
                continue
            outcomes.append(item)
            advance(len(outcomes), len(plan.changes))
        interrupted = stopped()
    if not silent:
        _print(session, plan, outcomes, missing)
    if interrupted:
        raise Interrupted("Interrupted. Run `envsync apply` to adopt the remaining versions.")
    return outcomes, not missing


def _print(
    session: Session, plan: Plan, outcomes: list[Outcome], missing: tuple[str, ...] | None
) -> None:
    paint, column = session.paint(sys.stdout), outcome_column(plan.changes, session.width)
    for outcome in outcomes:
        if outcome.status != "done":
            session.out(outcome_text(outcome, paint, column))
    session.out(applied_text(outcomes, missing, paint))
