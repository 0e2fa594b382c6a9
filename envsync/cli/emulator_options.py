"""The options of `envsync emulator`.

Their defaults are those of `envsync.emulator.settings.Settings`, written out here so that no other
command imports the emulator; a test compares the two.
"""

# Annotations are no texts here: typer would evaluate each of them at every start.
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer


class VariablesFormat(StrEnum):
    """How variables are printed."""

    SHELL = "shell"
    JSON = "json"


def emulator(
    context: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[--] COMMAND", help="What to run; without, serve.", show_default=False
        ),
    ] = None,
    output: Annotated[
        VariablesFormat | None,
        typer.Option("--format", help="How to print the variables, where no command is given."),
    ] = None,
    workspaces: Annotated[
        str, typer.Option(metavar="NAMES", help="Workspaces, with commas between.")
    ] = "ws-dev,ws-prod",
    registries: Annotated[
        str, typer.Option(metavar="NAMES", help="Registries, with commas between.")
    ] = "shared",
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the state here; a local target can read it."),
    ] = None,
    seed: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Start with these environment files in the first workspace.",
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append each request as a line of JSON.")
    ] = None,
    reader_secret: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="Who logs in with this client secret can only read."),
    ] = None,
    latency: Annotated[
        str, typer.Option(metavar="MS", help="Answer this many milliseconds later.")
    ] = "0",
    throttle: Annotated[
        Literal["none", "arm"], typer.Option(help="Limit requests as the resource manager does.")
    ] = "none",
    list_lag: Annotated[
        str, typer.Option(metavar="SECONDS", help="Writes stay out of lists this long.")
    ] = "0",
    stale_get: Annotated[
        str,
        typer.Option(metavar="SECONDS", help="The GET of a version shows no write for this long."),
    ] = "0",
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=RATE",
            help="429, 500, 503, reset, timeout or drop-after-commit for a share of requests.",
        ),
    ] = None,
    fault_seed: Annotated[
        int, typer.Option(metavar="N", help="The same seed gives the same faults.")
    ] = 0,
    tags: Annotated[
        Literal["merge", "replace"], typer.Option(help="What a PUT does to a version's tags.")
    ] = "replace",
    omitted: Annotated[
        Literal["keep", "clear"],
        typer.Option(help="What leaving tags or description out of a PUT does."),
    ] = "clear",
    conflict: Annotated[
        Literal["400", "409"], typer.Option(help="The answer to a change of what is fixed.")
    ] = "409",
    restore: Annotated[
        Literal["keep", "all"],
        typer.Option(help="Which versions a container's restore leaves archived."),
    ] = "keep",
    archive_hidden: Annotated[
        Literal["allow", "refuse"],
        typer.Option(help="Archiving one version while its container is archived."),
    ] = "allow",
    hidden_versions: Annotated[
        Literal["own", "effective"],
        typer.Option(help="What isArchived of a version in an archived container says."),
    ] = "own",
    container_tags: Annotated[
        Literal["keep", "drop", "refuse"], typer.Option(help="What becomes of a container's tags.")
    ] = "keep",
    container_get: Annotated[
        Literal["recorded", "stored"],
        typer.Option(help="What isArchived in the GET of an archived container says."),
    ] = "recorded",
    archived_entry: Annotated[
        Literal["true", "false"],
        typer.Option(help="What isArchived of an archived container says in a list."),
    ] = "true",
    registry_metadata: Annotated[
        Literal["update", "ignore"],
        typer.Option(help="What a PUT on a registry's version does to description and tags."),
    ] = "update",
    next_version: Annotated[
        Literal["counter", "timestamp"], typer.Option(help="What a container's nextVersion is.")
    ] = "counter",
    absent_versions: Annotated[
        Literal["empty", "404"],
        typer.Option(help="The versions of a name that is not there."),
    ] = "empty",
    end_of_life_python: Annotated[
        Literal["accept", "refuse"], typer.Option(help="Conda files with an end-of-life Python.")
    ] = "accept",
    numeric_tags: Annotated[
        Literal["text", "number", "refuse"],
        typer.Option(help="What becomes of a tag value that is sent as a number."),
    ] = "text",
    page_size: Annotated[
        int, typer.Option(metavar="N", min=1, help="Items of a list on one page, at most.")
    ] = 100,
    operation_polls: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Polls before a registry's operation is done."),
    ] = 1,
    retry_after: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="How long a registry's client is to wait."),
    ] = 1.0,
) -> None:
    """Run a command, or serve, with an Azure ML endpoint on loopback."""
    from envsync.cli import emulator as run
    from envsync.cli import serving
    from envsync.emulator.settings import Settings

    settings = Settings(
        workspaces=run.names(workspaces),
        registries=run.names(registries),
        state=state,
        seed=seed,
        reader_secret=reader_secret,
        tags=tags,
        omitted=omitted,
        conflict=400 if conflict == "400" else 409,
        restore=restore,
        archive_hidden=archive_hidden,
        hidden_versions=hidden_versions,
        container_tags=container_tags,
        container_get=container_get,
        archived_entry=archived_entry,
        registry_metadata=registry_metadata,
        next_version=next_version,
        absent_versions=absent_versions,
        end_of_life_python=end_of_life_python,
        numeric_tags=numeric_tags,
        latency_ms=run.milliseconds(latency),
        throttle=throttle,
        list_lag_seconds=run.seconds("--list-lag", list_lag),
        stale_get_seconds=run.seconds("--stale-get", stale_get),
        faults=run.faults(fault or []),
        fault_seed=fault_seed,
        page_size=page_size,
        operation_polls=operation_polls,
        retry_after=retry_after,
    )
    as_json = None if output is None else output is VariablesFormat.JSON
    raise typer.Exit(serving.run(context.obj, settings, log, command or [], as_json=as_json))
