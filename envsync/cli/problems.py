"""Prints problems in files, in the output formats of `validate` and `check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.cli.options import ProblemsFormat
from envsync.cli.session import Session
from envsync.model.problem import NO_FIELDS, Fields, Problem, problems_json
from envsync.render.places import placed_problems
from envsync.render.problems import problems_summary, problems_text

if TYPE_CHECKING:
    from envsync.plan.change import LatestChange


def show_problems(
    session: Session,
    output: ProblemsFormat,
    problems: Sequence[Problem],
    *,
    files: int,
    environments: int,
    fields: Fields = NO_FIELDS,
    latest: Sequence[LatestChange] | None = None,
) -> None:
    """Prints problems to standard output.

    Args:
        session: the global options.
        output: the output format.
        problems: the problems, in the order in which they are printed.
        files: the number of environment files that were read.
        environments: the number of environments that these files declare.
        fields: the fields that differ, for each problem about an edited declaration.
        latest: the changes of `@latest` that affect files of the repository. None for a command
            that does not look for such changes.
    """
    if output is ProblemsFormat.JSON:
        document = problems_json(problems, files=files, environments=environments, fields=fields)
        if latest is not None:
            document["latest"] = [item.to_json() for item in latest]
        session.out_json(document)
    elif output is ProblemsFormat.SARIF:
        from envsync.render.sarif import problems_sarif

        session.out_json(problems_sarif(problems, below_repository(session.root)))
    elif text := _text(session, output, problems, files=files, latest=latest or ()):
        write = session.out_commands if output is ProblemsFormat.GITHUB else session.out
        write(text)


def show_findings(session: Session, problems: Sequence[Problem], *, sarif: bool) -> None:
    """Prints problems as SARIF for code scanning, or as annotations for a workflow.

    Args:
        session: the global options.
        problems: the problems, in the order in which they are printed.
        sarif: whether to print SARIF. Otherwise, annotations are printed.
    """
    prefix = below_repository(session.root)
    if sarif:
        from envsync.render.sarif import problems_sarif

        session.out_json(problems_sarif(problems, prefix))
        return
    from envsync.render.annotations import problems_github

    if text := problems_github(problems, prefix):
        session.out_commands(text)


def _text(
    session: Session,
    output: ProblemsFormat,
    problems: Sequence[Problem],
    *,
    files: int,
    latest: Sequence[LatestChange],
) -> str:
    """Returns the problems as text or as workflow commands; "" if there is nothing to print."""
    if output is ProblemsFormat.GITHUB:
        from envsync.render.annotations import latest_github, problems_github

        prefix = below_repository(session.root)
        return problems_github(problems, prefix) + latest_github(latest, prefix)
    paint = session.paint(sys.stdout)
    text = problems_text(placed_problems(problems, session.shown), paint)
    return text if session.quiet else text + problems_summary(problems, files, paint)


def below_repository(root: Path) -> str:
    """Returns the path of the project directory relative to the root of its git repository.

    The path has the separator `/`. In annotations and in code scanning, GitHub requires paths that
    are relative to the root of the repository. Without a repository, the path is relative to the
    directory in `GITHUB_WORKSPACE`. If the project is outside of this directory, the path is empty.
    """
    root = root.resolve()
    above = (root, *root.parents)
    # `exists`, not `is_dir`: in a linked worktree and in a submodule, `.git` is a file.
    top = next((directory for directory in above if (directory / ".git").exists()), None)
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if top is None and workspace and Path(workspace).resolve() in above:
        top = Path(workspace).resolve()
    return "" if top in (None, root) else root.relative_to(top).as_posix()
