"""`envsync apply`: plans, shows the plan, asks, applies, verifies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.api import plan_for, provenance
from envsync.cli.files import read_plan
from envsync.cli.plan import show
from envsync.cli.session import Session
from envsync.cli.signals import finishing_on_signals
from envsync.model.errors import EnvsyncError, Interrupted, PlanRefused
from envsync.plan.apply import apply
from envsync.plan.outcome import Outcome, applied_json, unverified
from envsync.plan.plan import Plan
from envsync.render.outcomes import applied_text, outcome_text
from envsync.targets.scratch import remove_scratch

if TYPE_CHECKING:
    from envsync.model.target import Target


def run(
    session: Session,
    globs: Sequence[str],
    target: str | None,
    *,
    as_json: bool,
    yes: bool,
    plan_file: Path | None,
    approve: str | None,
    skip_rejected: bool,
    parallel: int,
    verify: bool,
    take_over: bool,
    allow_mass_archive: bool,
) -> int:
    """Applies the plan; 1 if a change failed or was held back, or does not show afterwards."""
    saved = read_plan(plan_file) if plan_file else None
    project = session.project()
    name = target or (saved.target.name if saved else None)
    commit = provenance(project)
    with session.target(project.config, name, parallel) as opened:

        def plan_now() -> Plan:
            return plan_for(
                project,
                opened,
                globs,
                commit=commit,
                take_over=take_over,
                allow_mass_archive=allow_mass_archive,
            )

        plan = plan_now()
        if not as_json:
            session.out(show(session, plan))
        try:
            for digest in filter(None, (saved.digest if saved else None, approve)):
                plan.ensure_approved(digest)
            plan.ensure_applicable(skip_rejected=skip_rejected)
            if plan.applicable and not (yes or saved or approve):
                _ask(plan)
        except PlanRefused:
            if as_json:
                session.out_json(applied_json(plan, [], None))
            raise

        with finishing_on_signals(remove_scratch) as stopped:
            outcomes = _apply(
                session,
                plan,
                apply(plan, opened, parallel=parallel, skip_rejected=skip_rejected, stop=stopped),
                silent=as_json,
            )
            missing = None
            if verify and not stopped():
                missing = _verify(session, opened, outcomes, plan_now)
            interrupted = stopped()

    outcomes += [
        Outcome(change, "skipped", "held back by a rejection")
        for change in plan.changes
        if change.name in plan.held_back
    ]
    if as_json:
        session.out_json(applied_json(plan, outcomes, missing))
    elif plan.changes:
        session.out(applied_text(outcomes, missing, session.paint(sys.stdout)))
    if interrupted:
        raise Interrupted("Interrupted: run apply again for what was not started.")
    ok = not plan.rejections and not missing and all(item.status == "done" for item in outcomes)
    return 0 if ok else 1


def _verify(
    session: Session, target: Target, outcomes: Sequence[Outcome], plan_now: Callable[[], Plan]
) -> tuple[str, ...]:
    """Addresses of what was done and does not show; all of it where the target cannot be read."""
    told: set[str] = set()

    def waiting(names: Collection[str]) -> None:
        if not session.quiet and not told.issuperset(names):
            told.update(names)
            shown = f"{len(names)} environments" if len(names) > 1 else next(iter(names))
            session.err(
                f"Verifying: waiting until the lists of {target.identity.name} show the state of "
                f"{shown}, for a minute at most …"
            )

    try:
        target.settle(waiting)
        return unverified(outcomes, plan_now())
    except EnvsyncError as error:
        session.err(f"Error: the target cannot be read again to verify: {error}")
        return tuple(item.change.address for item in outcomes if item.status == "done")


def _ask(plan: Plan) -> None:
    """Asks a person whether to apply.

    Raises:
        PlanRefused: the answer is no, or there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise PlanRefused(
            "not-approved",
            "Nobody is there to ask. Pass --yes, or the reviewed plan's digest with --approve.",
        )
    count = len(plan.applicable)
    question = f"Apply {count} change{'' if count == 1 else 's'} to {plan.target.name}? [y/N] "
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise PlanRefused("not-approved", "Not applied.")


def _apply(
    session: Session, plan: Plan, outcomes: Iterable[Outcome], *, silent: bool
) -> list[Outcome]:
    """Prints each outcome as it happens, with a progress bar where somebody watches."""
    collected = []
    with ExitStack() as stack:
        advance = stack.enter_context(_progress(len(plan.applicable), session.quiet))
        for outcome in outcomes:
            collected.append(outcome)
            if not silent and not (session.quiet and outcome.status == "done"):
                session.out(outcome_text(outcome, session.paint(sys.stdout)))
            advance()
    return collected


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    if quiet or not total or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("Applying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task("apply", total=total)
        yield lambda: progress.advance(task)
