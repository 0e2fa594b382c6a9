"""`envsync plan`: what apply would do. Never writes to a target."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from envsync.api import changed_names, plan_for
from envsync.cli.files import write_file
from envsync.cli.options import PlanFormat
from envsync.cli.session import Session, json_text
from envsync.model.canonical import JSON
from envsync.plan.plan import Plan
from envsync.render.plan_text import plan_text, summary_text


def run(
    session: Session,
    globs: Sequence[str],
    target: str | None,
    *,
    output: PlanFormat,
    out: Path | None,
    since: str | None,
    detailed_exitcode: bool,
    all_targets: bool,
    parallel: int,
    take_over: bool,
    allow_mass_archive: bool,
) -> int:
    """Prints the plan; 1 if it may not be applied, 2 if asked to tell that there are changes."""
    project = session.project()
    only = None if since is None else changed_names(project, since)
    plans = []
    for name in sorted(project.config.targets) if all_targets else [target]:
        with session.target(project.config, name, parallel) as opened:
            plans.append(
                plan_for(
                    project,
                    opened,
                    globs,
                    only=only,
                    take_over=take_over,
                    allow_mass_archive=allow_mass_archive,
                )
            )
    if out is not None:
        write_file(out, json_text(plans[0].to_json()))
    if output is PlanFormat.JSON:
        documents: list[JSON] = [plan.to_json() for plan in plans]
        session.out_json({"format_version": 1, "plans": documents} if all_targets else documents[0])
    elif output is PlanFormat.MARKDOWN:
        from envsync.render.plan_markdown import plan_markdown

        session.out("\n".join(map(plan_markdown, plans)))
    elif only is not None and not only:
        session.out(f"No changes. Nothing that is declared has changed since {since}.")
    else:
        session.out("\n".join(show(session, plan) for plan in plans))
    return max(exit_code(plan, detailed=detailed_exitcode) for plan in plans)


def show(session: Session, plan: Plan) -> str:
    """The plan as text for standard output; with `-q` its summary alone."""
    if session.quiet:
        return summary_text(plan, session.paint(sys.stdout))
    color = session.use_color(sys.stdout)
    return plan_text(plan, color=color, width=session.width, full=session.verbose)


def exit_code(plan: Plan, *, detailed: bool) -> int:
    """1 for a plan that may not be applied, 2 for changes where the caller wants to know."""
    if plan.rejections or plan.refused:
        return 1
    return 2 if plan.changes and detailed else 0
