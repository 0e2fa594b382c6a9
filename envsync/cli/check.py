"""`envsync check`: rejects edits of immutable fields since a git commit."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from envsync.cli.options import ProblemsFormat, ProblemsFormatOption
from envsync.cli.problems import show_problems
from envsync.cli.session import Session
from envsync.cli.validate import validate
from envsync.git.check import Checked, check
from envsync.git.latest import with_uses
from envsync.model.errors import InvalidProject
from envsync.plan.change import LatestChange
from envsync.project.project import load_project
from envsync.render.places import placed_problems
from envsync.render.problems import problems_text

EXAMPLE = "envsync check --base origin/main"


def run(
    context: typer.Context,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Commit to compare with.",
            show_default="where the branch began",
        ),
    ] = None,
    output: ProblemsFormatOption = ProblemsFormat.TEXT,
) -> int:
    """Reject edits to immutable fields since a git commit.

    Exits with 1 if an edit is rejected or a file has errors. Needs no network and no target.
    """
    session: Session = context.obj
    try:
        # Do not call `session.project()`, because it prints the warnings of `validate` as well.
        project = load_project(Path.cwd(), session.config_file)
    except InvalidProject:
        return validate(session, [], output, strict=False)
    project.ensure_found()
    # `validate` prints the error that there is no environment file.
    if not project.declarations:
        return validate(session, [], output, strict=False)
    checked = check(project, base)
    latest = with_uses(project, checked.latest, checked.repository)
    count = len(project.declarations)
    # Do not call `show_problems` for text, because `show_problems` counts files in the last line.
    # The last line of `check` describes the comparison.
    if output is not ProblemsFormat.TEXT:
        show_problems(
            session,
            output,
            checked.problems,
            files=count,
            environments=count,
            fields=checked.fields,
            latest=latest,
        )
    else:
        problems = placed_problems(checked.problems, session.shown)
        paint = session.paint(sys.stdout)
        text = problems_text(problems, paint)
        if latest:
            text += _moves(session, latest)
        if not session.quiet:
            text += _summary(checked, count)
        if text:
            session.out(text)
    return int(bool(checked.rejections))


def _moves(session: Session, latest: Sequence[LatestChange]) -> str:
    """Returns a line for each moved `@latest`, and for each file that uses a moved `@latest`."""
    # Imported here, because most edits move no `@latest`.
    from envsync.render.places import placed_latest
    from envsync.render.plan_text import latest_lines
    from envsync.render.plan_view import latest_view

    views = [latest_view(item) for item in placed_latest(latest, session.shown)]
    lines = latest_lines(views, session.paint(sys.stdout), session.width, full=session.verbose)
    return "".join(f"{line}\n" for line in lines)


def _summary(checked: Checked, count: int) -> str:
    """Returns one line: how many environments were compared, with which commits, and the result."""
    compared = f"{count} environment{'' if count == 1 else 's'}"
    if not checked.bases:
        return f"{compared} not compared: there is no earlier commit."
    rejected = f"{len(checked.rejections)} rejected" if checked.rejections else "none rejected"
    bases = " and ".join(f"{base.commit[:7]} ({base.name})" for base in checked.bases)
    return f"{compared} compared with {bases}: {rejected}."
