"""`envsync plan`: shows the changes that `apply` would make. Never writes to a target."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from envsync.cli.early import early_target
from envsync.cli.options import (
    AllowInUseOption,
    GlobsArgument,
    MassArchiveOption,
    ParallelOption,
    TakeOverOption,
    TargetOption,
)
from envsync.cli.session import Session, json_text
from envsync.model.errors import UsageError
from envsync.model.target import DEFAULT_PARALLEL

if TYPE_CHECKING:
    from envsync.model.canonical import JSON
    from envsync.plan.plan import Plan

EXAMPLE = "envsync plan 'churn-*' --target dev --out plan.json"


class PlanFormat(StrEnum):
    """Output format of a plan."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


def run(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: TargetOption = None,
    output: Annotated[
        PlanFormat,
        typer.Option("--format", help="Output format; --json is short for --format json."),
    ] = PlanFormat.TEXT,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Save the plan as JSON for apply --plan."),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Include only environments whose files changed since this git commit.",
        ),
    ] = None,
    all_targets: Annotated[
        bool, typer.Option("--all-targets", help="Plan every target in envsync.yaml.")
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    take_over: TakeOverOption = False,
    allow_mass_archive: MassArchiveOption = False,
    allow_in_use: AllowInUseOption = False,
) -> int:
    """Show the changes that apply would make, without writing.

    Exits with 1 if the plan has rejections or would archive too many environments.
    """
    session: Session = context.obj
    if all_targets and (target or out):
        raise UsageError("--all-targets cannot be combined with --target or --out.")
    failed: dict[str, str] = {}
    if all_targets:
        # Imported here, like `plan_for` below.
        from envsync.api import plan_each

        project = session.project()
        with session.progress("Reading targets") as advance:
            found, failed = plan_each(
                project,
                project.config.targets,
                globs or [],
                since=since,
                take_over=take_over,
                allow_mass_archive=allow_mass_archive,
                allow_in_use=allow_in_use,
                connection=partial(session.silent_connection, parallel=parallel),
                advance=advance,
            )
        plans = list(found.values())
    else:
        with early_target(session, target, parallel) as early:
            # With `--since`, only a part of the target is read, or nothing.
            project = session.project(early.read if since is None else None)
            # Imported here, so that `early.read` imports it while other processes read files.
            from envsync.api import changed_names, plan_for

            name = project.config.target(target).name
            only = None if since is None else changed_names(project, since, name)
            plan = plan_for(
                project,
                early.open(project.config),
                globs or [],
                only=only,
                take_over=take_over,
                allow_mass_archive=allow_mass_archive,
                allow_in_use=allow_in_use,
            )
        plans = [plan]
    # `--all-targets` cannot be combined with `--out`, so there is exactly one plan.
    if out is not None:
        from envsync.cli.files import write_file

        write_file(out, json_text(plans[0].to_json()))
    if output is PlanFormat.JSON:
        documents: list[JSON] = [plan.to_json() for plan in plans]
        every: JSON = {"format_version": 1, "plans": documents, "unreachable": {**failed}}
        session.out_json(every if all_targets else documents[0])
    elif not plans:
        pass
    elif output is PlanFormat.MARKDOWN:
        from envsync.cli.problems import below_repository
        from envsync.render.plan_markdown import plan_markdown

        directory = below_repository(session.root)
        session.out("\n".join(plan_markdown(plan, directory=directory) for plan in plans))
    elif output is PlanFormat.HTML:
        from envsync.cli.report import plans_html

        session.out(plans_html(plans))
    else:
        # With `--all-targets`, the texts of several plans can be equal. `dict` removes duplicates.
        texts = dict.fromkeys(_text(session, plan, since) for plan in plans)
        session.out("\n".join(texts))
    for name, message in failed.items():
        session.error(f"Cannot make a plan for the target {name}: {message}")
    if failed:
        return 1
    return max(_exit_code(plan, detailed=detailed_exitcode) for plan in plans)


def shown_plan(session: Session, plan: "Plan") -> str:
    """Returns the plan as text for standard output. With `-q`, returns only the summary."""
    # Imported here, so that `early.read` imports it while other processes read files.
    from envsync.render.places import placed_plan
    from envsync.render.plan_text import plan_text, summary_text

    if session.quiet:
        return summary_text(plan, session.paint(sys.stdout))
    color = session.use_color(sys.stdout)
    # The id of a local target is the path of its file.
    where = session.shown(plan.target.id) if plan.target.kind == "local" else None
    plan = placed_plan(plan, session.shown)
    return plan_text(plan, color=color, width=session.width, full=session.verbose, where=where)


def _text(session: Session, plan: "Plan", since: str | None) -> str:
    if plan.options is not None and plan.options.names == ():
        # `plan_for` did not read the target, so the number of unchanged environments is unknown.
        return f"No changes. No declared environment has changed since {since}."
    return shown_plan(session, plan)


def _exit_code(plan: "Plan", *, detailed: bool) -> int:
    # Exit with 1, not 2, if a plan has changes and rejections. A pipeline must not continue with a
    # plan that cannot be applied.
    if plan.rejections or plan.refused:
        return 1
    return 2 if plan.changes and detailed else 0
