"""`envsync refs`: lists which files of the repository use which environments."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from contextlib import nullcontext
from typing import Annotated

import typer

from envsync.api.references import References, find_references, unused_problems
from envsync.cli.options import (
    GlobsArgument,
    ProblemsFormat,
    ProblemsFormatOption,
    complete_targets,
)
from envsync.cli.problems import show_findings
from envsync.cli.session import Session
from envsync.git.references import references_of
from envsync.model.canonical import JSON
from envsync.render.places import placed_problems
from envsync.render.problems import problems_text
from envsync.render.references import references_summary, references_text, unused_text

EXAMPLE = "envsync refs 'churn-*' --target dev"


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: Annotated[
        str | None,
        typer.Option(
            "-t",
            "--target",
            metavar="NAME",
            help="Compare the references with this target of envsync.yaml.",
            show_default="no target",
            autocompletion=complete_targets,
        ),
    ] = None,
    output: ProblemsFormatOption = ProblemsFormat.TEXT,
    unused: Annotated[
        bool, typer.Option("--unused", help="List declared environments that no file uses.")
    ] = False,
) -> int:
    """List which files of the repository use which environments.

    Exits with 1 if a reference is broken or refers to an archived environment.
    """
    session: Session = context.obj
    project = session.project()
    with session.progress("Searching") as advance:
        found = references_of(project, with_specs=True, advance=advance)
    opened = session.target(project.config, target) if target else nullcontext()
    with opened as place:
        result = find_references(project, place, globs or [], found=found)
    if result.warning:
        session.err(f"Warning: {result.warning}")
    if unused:
        _show_unused(session, output, result)
        return 0
    if output is ProblemsFormat.JSON:
        session.out_json(_json(result))
    elif output is not ProblemsFormat.TEXT:
        show_findings(session, result.problems, sarif=output is ProblemsFormat.SARIF)
    else:
        _show_text(session, result)
    return int(any(item.severity == "error" for item in result.problems))


def _show_text(session: Session, result: References) -> None:
    paint = session.paint(sys.stdout)
    problems = placed_problems(result.problems, session.shown)
    parts = [
        references_text(result.references, session.shown, paint),
        problems_text(problems, paint),
        "" if session.quiet else references_summary(result.references, result.files) + "\n",
    ]
    if text := "\n".join(filter(None, parts)):
        session.out(text)


def _show_unused(session: Session, output: ProblemsFormat, result: References) -> None:
    if output is ProblemsFormat.JSON:
        session.out_json(_json(result))
    elif output is not ProblemsFormat.TEXT:
        problems = tuple(unused_problems(result.unused))
        show_findings(session, problems, sarif=output is ProblemsFormat.SARIF)
    elif text := unused_text(result.unused, session.shown):
        session.out(text)
    else:
        session.note("Every declared environment is used in the repository.")


def _json(result: References) -> JSON:
    return {
        "format_version": 1,
        "files": result.files,
        "references": [item.to_json() for item in result.references],
        "unused": [
            {
                "name": item.name,
                "version": item.version,
                "file": item.source.file,
                "line": item.source.line,
            }
            for item in result.unused
        ],
        "problems": [item.to_json() for item in result.problems],
    }
