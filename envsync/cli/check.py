"""`envsync check`: rejects edits to what is fixed at creation, before anything is registered."""

from __future__ import annotations

import sys
from pathlib import Path

from envsync.cli import validate
from envsync.cli.options import ProblemsFormat
from envsync.cli.problems import show_problems
from envsync.cli.session import Session
from envsync.git.check import NO_COMMIT, Checked, check
from envsync.model.errors import InvalidProject
from envsync.project.project import load_project
from envsync.render.problems import problems_text


def run(session: Session, base: str | None, output: ProblemsFormat) -> int:
    """Prints every rejection; 1 if there is one, or where files have errors, which come first."""
    try:
        project = load_project(Path.cwd(), session.config_file)
    except InvalidProject:
        return validate.run(session, [], output, strict=False)
    checked = check(project, base)
    count = len(project.declarations)
    if output is not ProblemsFormat.TEXT:
        show_problems(
            session,
            output,
            checked.problems,
            files=count,
            environments=count,
            fields=checked.fields,
        )
    else:
        text = problems_text(checked.problems, session.paint(sys.stdout))
        if not session.quiet:
            text += _summary(checked, count)
        if text:
            session.out(text)
    return int(bool(checked.rejections))


def _summary(checked: Checked, count: int) -> str:
    """What was compared with what, and what came of it, in one line."""
    compared = f"{count} environment{'' if count == 1 else 's'}"
    if checked.base == NO_COMMIT:
        return f"{compared}, and no commit yet to compare with."
    rejected = f"{len(checked.rejections)} rejected" if checked.rejections else "none rejected"
    return f"{compared} compared with {checked.base[:7]} ({checked.base_name}): {rejected}."
