"""The commands that read or write a target: their options, and nothing else.

What a command does is imported when it runs, so that none pays for another.
"""

# Annotations are no texts here: typer would evaluate each of them at every start.
from pathlib import Path
from typing import Annotated

import typer

from envsync.cli.options import (
    Format,
    FormatOption,
    GlobsArgument,
    MassArchiveOption,
    ParallelOption,
    PlanFormat,
    TakeOverOption,
    TargetOption,
    complete_names,
)
from envsync.model.errors import UsageError
from envsync.model.target import DEFAULT_PARALLEL


def plan(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: TargetOption = None,
    output: Annotated[
        PlanFormat, typer.Option("--format", help="How to print the plan.")
    ] = PlanFormat.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Save the plan as JSON.")
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Only environments whose files changed since this commit."
        ),
    ] = None,
    all_targets: Annotated[
        bool, typer.Option("--all-targets", help="Plan every target of envsync.yaml.")
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    take_over: TakeOverOption = False,
    allow_mass_archive: MassArchiveOption = False,
) -> None:
    """Show what apply would do; never write to a target."""
    from envsync.cli import plan as command

    if all_targets and (target or out):
        raise UsageError("--all-targets goes neither with --target nor with --out.")
    raise typer.Exit(
        command.run(
            context.obj,
            globs or [],
            target,
            output=output,
            out=out,
            since=since,
            detailed_exitcode=detailed_exitcode,
            all_targets=all_targets,
            parallel=parallel,
            take_over=take_over,
            allow_mass_archive=allow_mass_archive,
        )
    )


def apply(
    context: typer.Context,
    globs: GlobsArgument = None,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Apply only if the plan is still this one."),
    ] = None,
    approve: Annotated[
        str | None,
        typer.Option("--approve", metavar="DIGEST", help="Apply only the plan with this digest."),
    ] = None,
    skip_rejected: Annotated[
        bool, typer.Option("--skip-rejected", help="Leave out what is rejected; still exits 1.")
    ] = False,
    parallel: ParallelOption = DEFAULT_PARALLEL,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Plan again afterwards.")
    ] = True,
    take_over: TakeOverOption = False,
    allow_mass_archive: MassArchiveOption = False,
) -> None:
    """Plan, show the plan, ask, apply, verify."""
    from envsync.cli import apply as command

    raise typer.Exit(
        command.run(
            context.obj,
            globs or [],
            target,
            as_json=output is Format.JSON,
            yes=yes,
            plan_file=plan_file,
            approve=approve,
            skip_rejected=skip_rejected,
            parallel=parallel,
            verify=verify,
            take_over=take_over,
            allow_mass_archive=allow_mass_archive,
        )
    )


def list_(
    context: typer.Context,
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    everything: Annotated[bool, typer.Option("--all", help="Archived ones, too.")] = False,
) -> None:
    """List what a target holds."""
    from envsync.cli import list as command

    code = command.run(context.obj, target, as_json=output is Format.JSON, everything=everything)
    raise typer.Exit(code)


def show(
    context: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(metavar="NAME[:VERSION|@latest]", autocompletion=complete_names),
    ],
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    history: Annotated[bool, typer.Option("--history", help="Who changed what and when.")] = False,
) -> None:
    """Show one environment or one version as a target holds it."""
    from envsync.cli import show as command

    code = command.run(
        context.obj, reference, target, as_json=output is Format.JSON, history=history
    )
    raise typer.Exit(code)
