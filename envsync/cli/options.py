"""Options that several commands share, and their shell completion."""

# No "from __future__ import annotations" in modules with options: typer would evaluate every string
# annotation at start-up.
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer

from envsync.cli.repeated import completing_session


class Format(StrEnum):
    """Output format of a result."""

    TEXT = "text"
    JSON = "json"


class ProblemsFormat(StrEnum):
    """Output format of problems in files."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def complete_targets(context: typer.Context, incomplete: str) -> Iterable[str]:
    """Returns the names of targets that start with `incomplete`, for shell completion.

    Returns no names if `envsync.yaml` cannot be read, because the shell would print an error into
    the line that the user is typing.
    """
    from envsync.model.errors import EnvsyncError

    try:
        config = completing_session(context).config()
    except EnvsyncError:
        return []
    return [name for name in config.targets if name.startswith(incomplete)]


def complete_names(context: typer.Context, incomplete: str) -> Iterable[str]:
    """Returns the names of declared environments that start with `incomplete`, sorted.

    The names come from the files of the project. A target is never read, because a request could
    need a sign-in. Files with errors are left out. Returns no names if `envsync.yaml` cannot be
    read.
    """
    from envsync.model.errors import EnvsyncError
    from envsync.project.load import load
    from envsync.project.search.globs import Globs

    try:
        config = completing_session(context).config()
        loaded = load(
            config.root,
            config.directories,
            rules=config.rules,
            versions=config.versions,
            exclude=Globs.of(config.exclude),
        )
    except EnvsyncError:
        return []
    names = {declaration.name for declaration in loaded.declarations}
    return sorted(name for name in names if name.startswith(incomplete))


# Each option is declared once, so that its name and help are the same in every command.
FormatOption = Annotated[
    Format, typer.Option("--format", help="Output format; --json is short for --format json.")
]


class TableFormat(StrEnum):
    """Output format of `status` and `drift`."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


TableFormatOption = Annotated[
    TableFormat,
    typer.Option("--format", help="Output format; --json is short for --format json."),
]
ProblemsFormatOption = Annotated[
    ProblemsFormat,
    typer.Option("--format", help="Output format; --json is short for --format json."),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "-t",
        "--target",
        metavar="NAME",
        help="A target in envsync.yaml.",
        show_default="default_target",
        autocompletion=complete_targets,
    ),
]
TargetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "-t",
        "--target",
        metavar="NAME",
        help="Read this target of envsync.yaml; can be repeated.",
        show_default="all targets",
        autocompletion=complete_targets,
    ),
]
GlobsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="GLOB",
        help="Include only environments whose name matches GLOB.",
        show_default=False,
        autocompletion=complete_names,
    ),
]
TakeOverOption = Annotated[
    bool,
    typer.Option(
        "--take-over",
        help="Take ownership of declared versions that belong to another project.",
    ),
]
ParallelOption = Annotated[
    int,
    typer.Option(
        "--parallel",
        metavar="N",
        min=1,
        help="Maximum number of concurrent changes and requests.",
    ),
]
MassArchiveOption = Annotated[
    bool,
    typer.Option(
        "--allow-mass-archive",
        help="Allow the plan to archive any number of environments.",
    ),
]
AllowInUseOption = Annotated[
    bool,
    typer.Option(
        "--allow-in-use",
        help="Allow the plan to archive environments that files of the repository use.",
    ),
]
