"""`envsync drift`: shows edits in a target that do not come from git."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from functools import partial
from typing import Annotated, Final

import typer

from envsync.api.drifting import find_drift, find_each_drift
from envsync.cli.options import (
    GlobsArgument,
    ParallelOption,
    TableFormat,
    TableFormatOption,
    TargetOption,
)
from envsync.cli.session import Session
from envsync.model.canonical import JSON
from envsync.model.errors import TargetError, UsageError
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.drift_report import DriftReport

EXAMPLE = "envsync drift 'churn-*' --target prod --ignore 'tags.cost*'"

_EXIT_DRIFT: Final = 2


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: TargetOption = None,
    output: TableFormatOption = TableFormat.TEXT,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Ignore a NAME, a NAME:VERSION, or a field such as tags.cost; can be repeated.",
        ),
    ] = None,
    all_targets: Annotated[
        bool, typer.Option("--all-targets", help="Check every target in envsync.yaml.")
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
) -> int:
    """Show edits in a target that do not come from git.

    Exits with 2 if there is drift, and with 1 if a target cannot be read. Never writes.
    """
    session: Session = context.obj
    if all_targets and target:
        raise UsageError("--all-targets cannot be combined with --target.")
    project = session.project()
    config = project.config
    if all_targets:
        with session.progress("Reading targets") as advance:
            reports, unreadable = find_each_drift(
                project,
                config.targets,
                globs or [],
                ignore=ignore or [],
                connection=partial(session.silent_connection, parallel=parallel),
                advance=advance,
            )
    else:
        name = config.target(target).name
        reports, unreadable = [], {}
        try:
            with session.target(config, name, parallel) as opened:
                reports.append(find_drift(project, opened, globs or [], ignore=ignore or []))
        except TargetError as error:
            unreadable[name] = str(error)
    if output is TableFormat.JSON:
        session.out_json(drift_json(reports, unreadable))
    elif reports:
        session.out("\n".join(_shown(session, report, output) for report in reports))
    for name, failure in unreadable.items():
        session.error(f"The target {name} cannot be read: {failure}")
    if unreadable:
        return 1
    return _EXIT_DRIFT if any(report.drifted for report in reports) else 0


def _shown(session: Session, report: DriftReport, output: TableFormat) -> str:
    from envsync.render.drift import drift_markdown, drift_summary, drift_text

    if output is TableFormat.MARKDOWN:
        from envsync.cli.problems import below_repository

        return drift_markdown(report, directory=below_repository(session.root))
    paint = session.paint(sys.stdout)
    if session.quiet:
        return drift_summary(report, paint)
    return drift_text(report, session.shown, paint, session.width, full=session.verbose)


def drift_json(reports: list[DriftReport], unreadable: dict[str, str]) -> JSON:
    """Returns the reports, and the errors of the targets that cannot be read, as JSON data."""
    return {
        "format_version": 1,
        "targets": [report.to_json() for report in reports],
        "unreachable": {**unreadable},
    }
