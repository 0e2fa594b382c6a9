"""The commands that look at the project alone: their options, and nothing else.

What a command does is imported when it runs, so that none pays for another.
"""

# Annotations are no texts here: typer would evaluate each of them at every start.
from pathlib import Path
from typing import Annotated

import typer

from envsync.cli.options import (
    Format,
    FormatOption,
    ProblemsFormat,
    ProblemsFormatOption,
    SchemaKind,
    TargetsFormat,
    complete_names,
    complete_targets,
)
from envsync.model.errors import UsageError


def init(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write.", show_default=False)
    ] = Path(),
) -> None:
    """Write the files of a new project; overwrite nothing."""
    from envsync.cli import init as command

    raise typer.Exit(command.run(context.obj, directory))


def validate(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH", help="Files or directories; without, all.", show_default=False
        ),
    ] = None,
    output: ProblemsFormatOption = ProblemsFormat.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
) -> None:
    """Show all problems of all environment files at once."""
    from envsync.cli import validate as command

    raise typer.Exit(command.run(context.obj, paths or [], output, strict=strict))


def check(
    context: typer.Context,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Compare with this commit.", show_default="where the branch began"
        ),
    ] = None,
    output: ProblemsFormatOption = ProblemsFormat.TEXT,
) -> None:
    """Reject edits to immutable fields since a git commit; offline."""
    from envsync.cli import check as command

    raise typer.Exit(command.run(context.obj, base, output))


def bump(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME[:VERSION]",
            help="Environments; without VERSION the highest that is declared.",
            show_default=False,
            autocompletion=complete_names,
        ),
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="Write this version.")
    ] = None,
    all_rejected: Annotated[
        bool,
        typer.Option("--all-rejected", help="Everything that `check` rejects, or with -t a plan."),
    ] = False,
    base: Annotated[
        str | None, typer.Option(metavar="REF", help="The commit that `check` compares with.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "-t",
            "--target",
            metavar="NAME",
            help="Skip what this target holds, too; without it, no target is read.",
            autocompletion=complete_targets,
        ),
    ] = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Write the next version into a file, and touch nothing else in it."""
    from envsync.cli import bump as command

    if bool(names) == all_rejected:
        raise UsageError("Name what to bump, or pass --all-rejected.")
    if version is not None and (all_rejected or len(names or []) != 1):
        raise UsageError("--version goes with exactly one NAME.")
    raise typer.Exit(
        command.run(
            context.obj,
            names or [],
            version=version,
            base=base,
            target=target,
            as_json=output is Format.JSON,
        )
    )


def targets(
    context: typer.Context,
    output: Annotated[
        TargetsFormat, typer.Option("--format", help="How to print the result.")
    ] = TargetsFormat.TEXT,
) -> None:
    """List the targets of envsync.yaml."""
    from envsync.cli import targets as command

    raise typer.Exit(command.run(context.obj, output))


def schema(
    context: typer.Context,
    kind: Annotated[SchemaKind, typer.Argument(help="Which file it describes.")],
) -> None:
    """Print a JSON Schema, for editors and pipelines."""
    from envsync.cli import schema as command

    raise typer.Exit(command.run(context.obj, kind))
