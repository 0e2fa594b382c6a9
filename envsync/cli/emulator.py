"""`envsync emulator`: emulates Azure ML on loopback, while a command runs or as a server."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from envsync.cli import serving
from envsync.cli.emulator_values import faults, milliseconds, names, seconds
from envsync.emulator.settings import FAULT_KINDS, Settings

EXAMPLE = "envsync emulator --workspaces ws-test -- pytest tests"

_DEFAULTS: Final = Settings()


class VariablesFormat(StrEnum):
    """Output format of environment variables."""

    SHELL = "shell"
    JSON = "json"


def run(
    context: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[--] COMMAND",
            help="Command to run; without a command, serve until Ctrl-C.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        VariablesFormat | None,
        typer.Option(
            "--format",
            help="Output format of the environment variables that a server prints.",
            show_default="shell",
        ),
    ] = None,
    workspaces: Annotated[
        str, typer.Option(metavar="NAMES", help="Names of workspaces, separated by commas.")
    ] = ",".join(_DEFAULTS.workspaces),
    registries: Annotated[
        str, typer.Option(metavar="NAMES", help="Names of registries, separated by commas.")
    ] = ",".join(_DEFAULTS.registries),
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep the state in this file. A local target can read the file."
        ),
    ] = None,
    seed: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Register the environment files of this directory in the first workspace.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append one line of JSON for each request to this file."),
    ] = None,
    reader_secret: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE", help="Client secret for clients that can read but not write."
        ),
    ] = None,
    assertion_lifetime: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            help="Maximum age of federated tokens, such as the tokens of GitHub.",
            show_default="until the expiry time in the token",
        ),
    ] = None,
    token_lifetime: Annotated[
        int, typer.Option(metavar="SECONDS", min=1, help="Lifetime of an access token.")
    ] = _DEFAULTS.token_seconds,
    # Times are strings, because they may end with a unit: `50ms`, `30s`.
    latency: Annotated[
        str, typer.Option(metavar="MS", help="Delay each response by this many milliseconds.")
    ] = "0",
    throttle: Annotated[
        Literal["none", "arm"],
        typer.Option(help="arm: limit the rate of requests as Azure Resource Manager does."),
    ] = _DEFAULTS.throttle,
    list_lag: Annotated[
        str, typer.Option(metavar="SECONDS", help="Time after which a write appears in lists.")
    ] = "0",
    stale_get: Annotated[
        str,
        typer.Option(
            metavar="SECONDS", help="Time after which a write appears in the GET of a version."
        ),
    ] = "0",
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=RATE",
            help=f"Share of requests (0 to 1) that get a fault. Kinds: {', '.join(FAULT_KINDS)}.",
        ),
    ] = None,
    fault_seed: Annotated[
        int,
        typer.Option(
            metavar="N", help="Seed of the random faults. Equal seeds produce equal faults."
        ),
    ] = _DEFAULTS.fault_seed,
    tags: Annotated[
        Literal["merge", "replace"],
        typer.Option(
            help="Add the tags in a PUT to the existing tags, or replace the existing tags."
        ),
    ] = _DEFAULTS.tags,
    omitted: Annotated[
        Literal["keep", "clear"],
        typer.Option(help="Keep or clear tags and description if a PUT does not contain them."),
    ] = _DEFAULTS.omitted,
    conflict: Annotated[
        Literal["400", "409"],
        typer.Option(help="Status of the response to a PUT that would change an immutable field."),
    ] = "409",
    restore: Annotated[
        Literal["keep", "all"],
        typer.Option(
            help="Restoring a container restores all versions, or keeps individually archived "
            "versions archived."
        ),
    ] = _DEFAULTS.restore,
    archive_hidden: Annotated[
        Literal["allow", "refuse"],
        typer.Option(help="Whether a version can be archived while its container is archived."),
    ] = _DEFAULTS.archive_hidden,
    hidden_versions: Annotated[
        Literal["own", "effective"],
        typer.Option(
            help="effective: isArchived of a version is also true if its container is archived."
        ),
    ] = _DEFAULTS.hidden_versions,
    container_tags: Annotated[
        Literal["keep", "drop", "refuse"],
        typer.Option(help="Keep, drop or refuse the tags in a PUT of a container."),
    ] = _DEFAULTS.container_tags,
    container_get: Annotated[
        Literal["recorded", "stored"],
        typer.Option(
            help="recorded: isArchived is false in the GET of an archived container; stored: true."
        ),
    ] = _DEFAULTS.container_get,
    archived_entry: Annotated[
        Literal["true", "false"],
        typer.Option(help="In lists, the value of isArchived for an archived container."),
    ] = _DEFAULTS.archived_entry,
    registry_metadata: Annotated[
        Literal["update", "ignore"],
        typer.Option(help="Update or ignore the description and tags in a PUT to a registry."),
    ] = _DEFAULTS.registry_metadata,
    next_version: Annotated[
        Literal["counter", "timestamp"],
        typer.Option(help="Whether nextVersion of a container is a counter or a timestamp."),
    ] = _DEFAULTS.next_version,
    absent_versions: Annotated[
        Literal["empty", "404"],
        typer.Option(help="Response to a request for the versions of a name that does not exist."),
    ] = _DEFAULTS.absent_versions,
    end_of_life_python: Annotated[
        Literal["accept", "refuse"],
        typer.Option(help="Accept or refuse conda files with a Python version before 3.8."),
    ] = _DEFAULTS.end_of_life_python,
    numeric_tags: Annotated[
        Literal["text", "number", "refuse"],
        typer.Option(help="Return a numeric tag value as text or as a number, or refuse it."),
    ] = _DEFAULTS.numeric_tags,
    system_data: Annotated[
        Literal["recorded", "updated"],
        typer.Option(help="Show in systemData only the creation, or also the last write."),
    ] = _DEFAULTS.system_data,
    page_size: Annotated[
        int, typer.Option(metavar="N", min=1, help="Maximum number of items on a page of a list.")
    ] = _DEFAULTS.page_size,
    operation_polls: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Number of times that a registry reports an operation as running.",
        ),
    ] = _DEFAULTS.operation_polls,
    retry_after: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="Value of Retry-After while a registry operation is running.",
        ),
    ] = _DEFAULTS.retry_after,
) -> int:
    """Emulate Azure ML on loopback, while a command runs or as a server.

    The command gets the address of the emulator in environment variables. Exits with the exit code
    of the command.
    """
    settings = Settings(
        workspaces=names(workspaces),
        registries=names(registries),
        state=state,
        seed=seed,
        reader_secret=reader_secret,
        assertion_seconds=(
            None
            if assertion_lifetime is None
            else seconds("--assertion-lifetime", assertion_lifetime)
        ),
        token_seconds=token_lifetime,
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
        system_data=system_data,
        latency_ms=milliseconds(latency),
        throttle=throttle,
        list_lag_seconds=seconds("--list-lag", list_lag),
        stale_get_seconds=seconds("--stale-get", stale_get),
        faults=faults(fault or []),
        fault_seed=fault_seed,
        page_size=page_size,
        operation_polls=operation_polls,
        retry_after=retry_after,
    )
    # Pass None if the user did not give `--format`, because `serving.run` refuses this option
    # together with a command.
    as_json = None if output is None else output is VariablesFormat.JSON
    return serving.run(
        context.obj, settings=settings, log=log, command=command or [], as_json=as_json
    )
