"""`envsync report`: writes a page about the environments of the project and its targets."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from envsync.api.report import read_report
from envsync.cli.files import write_file
from envsync.cli.options import ParallelOption, complete_targets
from envsync.cli.session import Session
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.plan import Plan
from envsync.plan.report import Report, TargetReport
from envsync.targets.connection import Connection, in_silence

EXAMPLE = "envsync report --out report.html --target dev --target prod"


def run(
    context: typer.Context,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="Write the page to this file; - is standard output."
        ),
    ],
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--target",
            metavar="NAME",
            help="Include this target of envsync.yaml; can be repeated.",
            show_default="all targets",
            autocompletion=complete_targets,
        ),
    ] = None,
    parallel: ParallelOption = DEFAULT_PARALLEL,
) -> int:
    """Write an HTML page about environments and targets.

    Exits with 1 if a target cannot be read.
    """
    from envsync.render.html.page import report_html

    session: Session = context.obj
    project = session.project()

    def connection(name: str) -> Connection:
        # Several targets are read at the same time, so the progress bar counts only targets.
        return replace(session.connection(name, parallel), reading=in_silence)

    with session.progress("Reading targets") as advance:
        report = read_report(
            project, targets or (), at=_now(), connection=connection, advance=advance
        )
    page = report_html(report)
    if str(out) == "-":
        session.out(page)
    else:
        write_file(out, page)
        session.note(f"Wrote {out}.")
    unreachable = report.status.unreachable if report.status else {}
    for name, message in unreachable.items():
        session.error(f"The target {name} is unreachable: {message}")
    return int(bool(unreachable))


def plans_html(plans: list[Plan]) -> str:
    """Returns plans as an HTML page, for `plan --format html`."""
    from envsync.render.html.page import report_html

    return report_html(Report(plans[0].project, _now(), targets=tuple(map(TargetReport, plans))))


def _now() -> str:
    return datetime.now(UTC).isoformat()
