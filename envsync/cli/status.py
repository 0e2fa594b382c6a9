"""`envsync status`: shows which environment is in which target, and in which state."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from envsync.api.status import read_status
from envsync.cli.options import (
    GlobsArgument,
    ParallelOption,
    complete_targets,
)
from envsync.cli.session import Session
from envsync.model.target import DEFAULT_PARALLEL
from envsync.plan.status import Status
from envsync.targets.connection import Connection, in_silence

EXAMPLE = "envsync status 'churn-*' --target dev --target prod"


class StatusFormat(StrEnum):
    """Output format of a status."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--target",
            metavar="NAME",
            help="Show this target of envsync.yaml; can be repeated.",
            show_default="all targets",
            autocompletion=complete_targets,
        ),
    ] = None,
    output: Annotated[
        StatusFormat,
        typer.Option("--format", help="Output format; --json is short for --format json."),
    ] = StatusFormat.TEXT,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Include undeclared versions that are archived or belong to others."
        ),
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
) -> int:
    """Show which environment is in which target, and in which state.

    Exits with 1 if a target cannot be read.
    """
    session: Session = context.obj
    project = session.project()

    def connection(name: str) -> Connection:
        # Several targets are read at the same time, so the progress bar counts only targets.
        return replace(session.connection(name, parallel), reading=in_silence)

    with session.progress("Reading targets") as advance:
        found = read_status(
            project,
            targets or (),
            globs or [],
            everything=everything,
            connection=connection,
            advance=advance,
        )
    if output is StatusFormat.JSON:
        session.out_json(found.to_json())
    elif output is StatusFormat.MARKDOWN:
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
