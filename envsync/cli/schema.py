"""`envsync schema`: prints the JSON Schemas of the files that envsync reads and writes."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
from enum import StrEnum
from importlib.resources import files
from typing import Annotated

import typer

from envsync.cli.session import Session

EXAMPLE = "envsync schema environment > environment.schema.json"


class SchemaKind(StrEnum):
    """The file that a JSON Schema describes."""

    ENVIRONMENT = "environment"
    CONFIG = "config"
    PLAN = "plan"


def run(
    context: typer.Context,
    kind: Annotated[
        SchemaKind,
        typer.Argument(
            metavar="KIND",
            help="Kind of file: environment, config (envsync.yaml) or plan (the JSON of a plan).",
        ),
    ],
) -> None:
    """Print a JSON Schema for editors and pipelines."""
    session: Session = context.obj
    session.out(files("envsync").joinpath("schemas", f"{kind}.json").read_text("utf-8"))
