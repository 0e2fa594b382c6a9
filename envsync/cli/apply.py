"""`envsync apply`: shows the plan, asks for confirmation, applies the plan and verifies it."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated

import typer

from envsync.api import apply_and_verify, plan_with
from envsync.cli.files import read_plan
from envsync.cli.options import (
    AllowInUseOption,
    Format,
    FormatOption,
    GlobsArgument,
    MassArchiveOption,
    ParallelOption,
    TakeOverOption,
    TargetOption,
)
from envsync.cli.outcomes import report_lost_output, report_outcomes
from envsync.cli.plan import shown_plan
from envsync.cli.session import Session
from envsync.cli.signals import finishing_on_signals
from envsync.cli.streams import error_of, reason_of
from envsync.model.errors import GitError, Interrupted, PlanRefused
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.options import digest_of, options_again
from envsync.plan.outcome import Outcome, applied_json
from envsync.plan.plan import Plan
from envsync.project.project import Project
from envsync.render.outcomes import applied_text
from envsync.targets.scratch import remove_abandoned_scratch, remove_scratch

EXAMPLE = "envsync apply --target dev --plan plan.json"


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    plan_file: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Apply this saved plan. Nothing else is changed."
        ),
    ] = None,
    approve: Annotated[
        str | None,
        typer.Option("--approve", metavar="DIGEST", help="Apply only if the plan has this digest."),
    ] = None,
    skip_rejected: Annotated[
        bool,
        typer.Option(
            "--skip-rejected",
            help="Apply the changes to environments without rejections, and then exit with 1.",
        ),
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify/--no-verify",
            help="Read the target again, and check that the target shows the changes.",
        ),
    ] = True,
    take_over: TakeOverOption = False,
    allow_mass_archive: MassArchiveOption = False,
    allow_in_use: AllowInUseOption = False,
) -> int:
    """Show the plan, ask for confirmation, apply and verify.

    Exits with 1 if a change fails, is held back by a rejection, or fails verification.
    """
    session: Session = context.obj
    as_json = output is Format.JSON
    saved = read_plan(plan_file) if plan_file else None
    digest = None if approve is None else digest_of(approve)
    options = options_again(
        saved.options if saved else None,
        globs or [],
        take_over=take_over,
        allow_mass_archive=allow_mass_archive,
        allow_in_use=allow_in_use,
    )
    project = session.project()
    # A saved plan contains the name of its target, so `--plan` works without `--target`.
    name = target or (saved.target.name if saved else None)
    commit = _commit(session, project)
    with session.target(project.config, name, parallel) as opened:

        def plan_now() -> Plan:
            return plan_with(project, opened, options, commit=commit)

        plan = plan_now()
        if not as_json:
            session.out(shown_plan(session, plan))
        try:
            _ensure_approved(session, plan, saved, digest)
            plan.ensure_applicable(skip_rejected=skip_rejected)
            if plan.applicable and not (yes or saved or digest):
                _ask(plan)
        except PlanRefused:
            # Print the plan for pipelines that parse the JSON. The plan says why apply was refused.
            if as_json:
                session.out_json(applied_json(plan, [], None))
            raise

        remove_abandoned_scratch()
        with finishing_on_signals(remove_scratch, opened.stop) as stopped:
            outcomes, verification = report_outcomes(
                session,
                plan,
                apply_and_verify(
                    plan,
                    opened,
                    plan_now,
                    parallel=parallel,
                    skip_rejected=skip_rejected,
                    verify=verify,
                    stop=stopped,
                    waiting=_waiting(session, plan.target.name),
                ),
                silent=as_json,
            )
            # Call `stopped` inside this block. After the block, a signal ends the process.
            interrupted = stopped()

    if verification and verification.error:
        session.err(
            "Error: cannot verify the changes, because the target cannot be read again: "
            f"{verification.error}"
        )
    missing = verification.unverified if verification else None
    # Changes that a rejection holds back were not applied, so they have no outcome yet.
    held_back = plan.held_back
    outcomes += [
        Outcome(change, "skipped", "held back by a rejection")
        for change in plan.changes
        if change.name in held_back
    ]
    if as_json:
        session.out_json(applied_json(plan, outcomes, missing))
    elif plan.changes:
        if not session.quiet:
            session.out("")
        session.out(applied_text(outcomes, missing, session.paint(sys.stdout)))
    error = error_of(sys.stdout)
    if error and plan.applicable:
        report_lost_output(session, error, outcomes, missing)
    # Raise the error only after the outcomes are printed: the outcomes show what this run has
    # changed.
    if interrupted:
        raise Interrupted("Interrupted. Run apply again to make the changes that were not started.")
    ok = not plan.rejections and not missing and all(item.status == "done" for item in outcomes)
    return 0 if ok else 1


def _ensure_approved(session: Session, plan: Plan, saved: Plan | None, digest: str | None) -> None:
    """Checks that every change was approved with `--plan` or `--approve`.

    If some changes of the saved plan were already made, prints how many changes are left.

    Raises:
        PlanRefused: the plan has a change that was not approved.
    """
    changes = saved.fingerprints.values() if saved else ()
    if saved:
        plan.ensure_approved(saved.digest, changes)
    if digest:
        # A digest alone does not say which changes were approved. These changes are known only if
        # the digest belongs to the saved plan.
        plan.ensure_approved(digest, changes if saved and saved.digest == digest else ())
    if saved and plan.changes and plan.digest != saved.digest and not session.quiet:
        session.err(
            f"Of the {len(saved.changes)} changes of the saved plan, {len(plan.changes)} "
            f"{'is' if len(plan.changes) == 1 else 'are'} left."
        )


def _commit(session: Session, project: Project) -> str | None:
    """Returns the value of the tag `envsync.commit`. Prints a warning if git cannot be used."""
    from envsync.git.changed import current_commit

    try:
        return current_commit(project)
    except GitError as error:
        session.err(
            "Warning: the applied versions will not have the tag `envsync.commit`, because git "
            f"cannot say which commit is checked out. {error}"
        )
        return None


def _waiting(session: Session, target: str) -> Callable[[Collection[str]], None]:
    """Returns a function that prints which environments the target still lists in their old state.

    The function prints nothing if earlier messages named all these environments.
    """
    told: set[str] = set()

    def waiting(names: Collection[str]) -> None:
        if not session.quiet and not told.issuperset(names):
            told.update(names)
            shown = f"{len(names)} environments" if len(names) > 1 else next(iter(names))
            session.err(
                f"Verifying: {target} does not list the new state of {shown} yet. "
                "envsync waits for up to a minute …"
            )

    return waiting


def _ask(plan: Plan) -> None:
    """Asks for confirmation in the terminal.

    Raises:
        PlanRefused: the answer is no, or the question cannot be asked.
    """
    if error := error_of(sys.stdout):
        raise PlanRefused(
            "not-approved",
            "Cannot ask for confirmation: the plan cannot be written to standard output: "
            f"{reason_of(error)}. Pass --yes, or the digest of the reviewed plan with --approve.",
        )
    if not sys.stdin.isatty():
        raise PlanRefused(
            "not-approved",
            "Cannot ask for confirmation: standard input is not a terminal. Pass --yes, or the "
            "digest of the reviewed plan with --approve.",
        )
    count = len(plan.applicable)
    question = f"Apply {count} change{'' if count == 1 else 's'} to {plan.target.name}? [y/N] "
    # `input()` would write the question to standard output, which is only for results.
    sys.stderr.write(question)
    sys.stderr.flush()
    if error := error_of(sys.stderr):
        raise PlanRefused(
            "not-approved",
            f"Cannot ask for confirmation: standard error cannot be written: {reason_of(error)}.",
        )
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise PlanRefused("not-approved", "Not applied.")
