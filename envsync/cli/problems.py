"""Showing what is wrong in files, in each of the formats that `validate` and `check` know."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from envsync.cli.options import ProblemsFormat
from envsync.cli.session import Session
from envsync.model.problem import NO_FIELDS, Fields, Problem, problems_json
from envsync.render.problems import problems_summary, problems_text


def show_problems(
    session: Session,
    output: ProblemsFormat,
    problems: Sequence[Problem],
    *,
    files: int,
    environments: int,
    fields: Fields = NO_FIELDS,
) -> None:
    """Prints problems to standard output.

    Args:
        session: where to.
        output: in which format.
        problems: in order.
        files: how many environment files were looked at.
        environments: how many environments they declare.
        fields: what differs, for problems that are about an edit.
    """
    if output is ProblemsFormat.JSON:
        session.out_json(
            problems_json(problems, files=files, environments=environments, fields=fields)
        )
    elif output is ProblemsFormat.SARIF:
        from envsync.render.sarif import problems_sarif

        session.out_json(problems_sarif(problems, below_repository(session.root)))
    elif text := _lines(session, output, problems, files):
        session.out(text)


def _lines(
    session: Session, output: ProblemsFormat, problems: Sequence[Problem], files: int
) -> str:
    if output is ProblemsFormat.GITHUB:
        from envsync.render.annotations import problems_github

        return problems_github(problems, below_repository(session.root))
    paint = session.paint(sys.stdout)
    text = problems_text(problems, paint)
    return text if session.quiet else text + problems_summary(problems, files, paint)


def below_repository(root: Path) -> str:
    """The project directory relative to the root of its git repository, with `/`.

    Annotations and code scanning name files that way. Without git, it is relative to
    `GITHUB_WORKSPACE` where that is set and lies above, else the project is its own root.
    """
    root = root.resolve()
    above = (root, *root.parents)
    top = next((directory for directory in above if (directory / ".git").exists()), None)
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if top is None and workspace and Path(workspace).resolve() in above:
        top = Path(workspace).resolve()
    return "" if top in (None, root) else root.relative_to(top).as_posix()
