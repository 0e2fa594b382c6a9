"""`envsync status`: shows which environment is in which target, and in which state."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from functools import partial
from typing import Annotated

import typer

from envsync.api.status import read_status
from envsync.cli.options import (
    GlobsArgument,
    ParallelOption,
    TableFormat,
    TableFormatOption,
    TargetsOption,
)
from envsync.cli.session import Session
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.status import Status

EXAMPLE = "envsync status 'churn-*' --target dev --target prod"


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    targets: TargetsOption = None,
    output: TableFormatOption = TableFormat.TEXT,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Include undeclared versions that are archived or have another owner."
        ),
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
) -> int:
    """Show which environment is in which target, and in which state.

    Exits with 1 if a target cannot be read.
    """
    session: Session = context.obj
    project = session.project()

    with session.progress("Reading targets") as advance:
        found = read_status(
            project,
            targets or (),
            globs or [],
            everything=everything,
            connection=partial(session.silent_connection, parallel=parallel),
            advance=advance,
        )
    if output is TableFormat.JSON:
        session.out_json(found.to_json())
    elif output is TableFormat.MARKDOWN:
        from envsync.cli.problems import below_repository
        from envsync.render.status_markdown import status_markdown

        session.out(status_markdown(found, directory=below_repository(session.root)))
    else:
        session.out(_text(session, found))
    for name, message in found.unreachable.items():
        session.error(f"The target {name} is unreachable: {message}")
    return int(bool(found.unreachable))


def _text(session: Session, found: Status) -> str:
    from envsync.render.status_text import status_summary, status_text

    paint = session.paint(sys.stdout)
    if session.quiet:
        return status_summary(found, paint, session.width)
    return status_text(found, paint, session.width, full=session.verbose)
