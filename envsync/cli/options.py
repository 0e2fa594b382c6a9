"""Options that several commands share, and what a shell completes them with."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer

from envsync._version import __version__
from envsync.cli.session import Session


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class ProblemsFormat(StrEnum):
    """How findings in files are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


class TargetsFormat(StrEnum):
    """How targets are printed."""

    TEXT = "text"
    JSON = "json"
    MATRIX = "matrix"


class SchemaKind(StrEnum):
    """Which file a JSON Schema describes."""

    ENVIRONMENT = "environment"
    CONFIG = "config"
    PLAN = "plan"


def complete_targets(incomplete: str) -> Iterable[str]:
    """Target names, for shell completion; nothing where `envsync.yaml` cannot be read."""
    from envsync.model.errors import EnvsyncError

    try:
        return [name for name in Session().config().targets if name.startswith(incomplete)]
    except EnvsyncError:
        return []


def complete_names(incomplete: str) -> Iterable[str]:
    """Names of declared environments, for shell completion."""
    from envsync.model.errors import EnvsyncError
    from envsync.project.project import load_project

    try:
        names = {declaration.name for declaration in load_project().declarations}
    except EnvsyncError:
        return []
    return sorted(name for name in names if name.startswith(incomplete))


def print_version(wanted: bool) -> None:
    """Prints the version and ends, where `--version` is given."""
    if wanted:
        typer.echo(f"envsync {__version__}")
        raise typer.Exit


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
ProblemsFormatOption = Annotated[
    ProblemsFormat, typer.Option("--format", help="How to print the findings.")
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "-t",
        "--target",
        metavar="NAME",
        help="A target of envsync.yaml; without it, the default target.",
        autocompletion=complete_targets,
    ),
]
GlobsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="GLOB",
        help="Only environments whose name matches.",
        show_default=False,
        autocompletion=complete_names,
    ),
]
TakeOverOption = Annotated[
    bool, typer.Option("--take-over", help="Make versions that another project owns ours.")
]
ParallelOption = Annotated[
    int,
    typer.Option(
        "--parallel", metavar="N", min=1, help="Changes and requests under way at once, at most."
    ),
]
MassArchiveOption = Annotated[
    bool, typer.Option("--allow-mass-archive", help="Turn off the guards against archiving much.")
]
