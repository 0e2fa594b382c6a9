"""`envsync report`: writes a page about the environments of the project and its targets."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from envsync.api.report import read_report
from envsync.cli.files import write_file
from envsync.cli.options import ParallelOption, TargetsOption
from envsync.cli.session import Session
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.plan import Plan
from envsync.plan.report import Report, TargetReport

EXAMPLE = "envsync report --out report.html --target dev --target prod"


def run(
    context: typer.Context,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="Write the page to this file; - is standard output."
        ),
    ],
    targets: TargetsOption = None,
    parallel: ParallelOption = DEFAULT_PARALLEL,
) -> int:
    """Write an HTML page about environments and targets.

    Exits with 1 if a target cannot be read.
    """
    from envsync.render.html.page import report_html

    session: Session = context.obj
    project = session.project()

    with session.progress("Reading targets") as advance:
        report = read_report(
            project,
            targets or (),
            at=_now(),
            connection=partial(session.silent_connection, parallel=parallel),
            advance=advance,
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
