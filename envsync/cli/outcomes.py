"""Prints the outcomes of `envsync apply`, while the changes are applied."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from envsync.api import Verification
from envsync.cli.session import Session
from envsync.cli.streams import reason_of, understands_escapes
from envsync.plan.outcome import Outcome
from envsync.plan.plan import Plan
from envsync.render.outcomes import applied_text, outcome_column, outcome_text


def report_outcomes(
    session: Session,
    plan: Plan,
    items: Iterable[Outcome | Verification],
    *,
    silent: bool,
) -> tuple[list[Outcome], Verification | None]:
    """Prints each outcome, and shows a progress bar if standard error is a terminal.

    Returns the outcomes. Also returns the verification, or None if the target was not read again.
    """
    outcomes: list[Outcome] = []
    verification: Verification | None = None
    applicable = plan.applicable
    column = outcome_column(applicable, session.width)
    if applicable and not (silent or session.quiet):
        session.out("")
    with ExitStack() as bar:
        advance = bar.enter_context(_progress(len(applicable), session.quiet))
        for item in items:
            if isinstance(item, Verification):
                verification = item
                continue
            outcomes.append(item)
            if not silent and not (session.quiet and item.status == "done"):
                session.out(outcome_text(item, session.paint(sys.stdout), column))
            advance()
            if len(outcomes) == len(applicable):
                # Remove the bar before the verification prints messages.
                bar.close()
                if plan.target.kind != "local":
                    bar.enter_context(session.progress("Verifying"))
    return outcomes, verification


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """Shows a progress bar. Yields a function that advances the bar by one change."""
    if quiet or not total or not understands_escapes(sys.stderr):
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
        # If standard output is also a terminal, rich must print the output of the command above the
        # bar. rich replaces `sys.stdout` to do this.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task("apply", total=total)
        yield lambda: progress.advance(task)


def report_lost_output(
    session: Session,
    error: OSError,
    outcomes: Iterable[Outcome],
    missing: Sequence[str] | None,
) -> None:
    """Prints to standard error what the apply did, because standard output is incomplete."""
    paint = session.paint(sys.stderr)
    session.err(f"Standard output is incomplete: {reason_of(error)}. Apply continued without it.")
    for outcome in outcomes:
        if outcome.status not in ("done", "skipped"):
            session.err(outcome_text(outcome, paint))
    session.err(applied_text(outcomes, missing, paint))
