"""`envsync targets`: lists the targets in `envsync.yaml`."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import json
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final

import typer

from envsync.cli.session import Session
from envsync.model.canonical import JSON
from envsync.model.wording import printable
from envsync.project.settings.config import Config
from envsync.project.settings.targets import TargetConfig
from envsync.render.paint import Paint, columns
from envsync.render.places import Place

EXAMPLE = "envsync targets --format matrix"

NO_SHARED_TARGET: Final = (
    "The matrix is empty, because `envsync.yaml` has no workspace and no registry. A local target "
    "is a file, which other jobs do not have. Add a target to `envsync.yaml`, for example: "
    "`dev: {kind: workspace, subscription_id: ..., resource_group: ..., workspace: ...}`."
)
"""The notice about an empty matrix, for people and for the annotation of the action."""


class TargetsFormat(StrEnum):
    """Output format of targets."""

    TEXT = "text"
    JSON = "json"
    MATRIX = "matrix"


def run(
    context: typer.Context,
    output: Annotated[
        TargetsFormat,
        typer.Option(
            "--format",
            help="Output format; matrix is for GitHub Actions; --json is short for --format json.",
        ),
    ] = TargetsFormat.TEXT,
) -> None:
    """List the targets in envsync.yaml.

    Does not connect to a target. Works even if environment variables in the settings are not set.
    """
    session: Session = context.obj
    config = session.config()
    if config.path is None and not session.quiet:
        session.err(f"{config.without_file} The default settings are used.")
    if output is TargetsFormat.JSON:
        session.out_json(_json(config))
    elif output is TargetsFormat.MATRIX:
        shared = _shared(config.targets.values())
        if not shared and not session.quiet:
            session.err(NO_SHARED_TARGET)
        # Print one line, because a step of a GitHub workflow sets an output with a line
        # `name=value`.
        session.out(json.dumps({"target": shared}))
    else:
        session.out(_text(config, session.paint(sys.stdout), session.shown))


def _text(config: Config, paint: Paint, place: Place) -> str:
    rows = [("NAME", "KIND", "WHERE")]
    for target in config.targets.values():
        default = " (default)" if target.name == config.default_target else ""
        rows.append((target.name + default, target.kind, printable(_where(target, place))))
    header, *lines = columns(rows)
    return "\n".join([paint("bold", header), *lines])


def _where(target: TargetConfig, place: Place) -> str:
    """Returns the path of a local target, relative to the directory of the user.

    For a workspace, returns the subscription, the resource group and the name, separated by `/`.
    For a registry, returns its name.
    """
    if target.kind == "local" and "path" in target.settings:
        return place(target.settings["path"])
    keys = ("path", "subscription_id", "resource_group", "workspace", "registry")
    return "/".join(target.settings[key] for key in keys if key in target.settings)


def _json(config: Config) -> JSON:
    return {
        "format_version": 1,
        "targets": [
            {
                "name": target.name,
                "kind": target.kind,
                "default": target.name == config.default_target,
                "settings": dict(target.settings),
            }
            for target in config.targets.values()
        ],
    }


def _shared(targets: Iterable[TargetConfig]) -> list[str]:
    """Returns the names of workspaces and registries.

    Local targets are left out, because a local target is a file that other jobs do not have.
    """
    return [target.name for target in targets if target.kind != "local"]
