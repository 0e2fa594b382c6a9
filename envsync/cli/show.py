"""`envsync show`: shows one environment or one version in a target."""

# No "from __future__ import annotations": typer would evaluate every string annotation.
import sys
from typing import Annotated

import typer

from envsync.cli.options import Format, FormatOption, TargetOption, complete_names
from envsync.cli.session import Session
from envsync.model.canonical import JSON
from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.state import Container, RegisteredVersion
from envsync.model.target import KeepsHistory, Target, TargetIdentity
from envsync.plan.hints import name_hint
from envsync.project.settings.config import Config
from envsync.render.state import container_text, history_text

EXAMPLE = "envsync show pydata@latest --format json"


def run(
    context: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="NAME[:VERSION|@latest]",
            help="An environment, or one of its versions.",
            autocompletion=complete_names,
        ),
    ],
    target: TargetOption = None,
    output: FormatOption = Format.TEXT,
    history: Annotated[
        bool, typer.Option("--history", help="Show past changes: what, when and by whom.")
    ] = False,
) -> None:
    """Show one environment or one version in a target.

    Shows a version as an environment file, with comments that say who uses the version.
    """
    session: Session = context.obj
    name, label, version = _parse(reference)
    config = session.config()
    with session.target(config, target) as opened:
        container = opened.read([name]).get(name)
        if container is None:
            # Read the names only for the hint, because reading a whole target takes seconds.
            hint = name_hint(name, opened.read(None))
            raise EnvsyncError(
                f"{config.without_file} The target has no environment '{name}'. "
                f"{hint or 'Run `envsync list --all` to list its environments.'}".lstrip()
            )
        found = _find(container, label, version)
        if history:
            data, text = _history(session, opened, name, version=found)
        else:
            data, text = _content(session, config, container, found, opened.identity)
    if output is Format.JSON:
        session.out_json(data)
    else:
        session.out(text)


def _history(
    session: Session, target: Target, name: str, *, version: RegisteredVersion | None
) -> tuple[JSON, str]:
    """Returns the history of an environment or of one version, as JSON data and as text."""
    if not isinstance(target, KeepsHistory):
        raise EnvsyncError(f"Target '{target.identity.name}' keeps no history.")
    # An entry without a version is about the whole environment. Show the entry for every version.
    entries = [
        entry
        for entry in target.history(name)
        if version is None or entry.version in {None, version.version}
    ]
    data: JSON = [entry.to_json() for entry in entries]
    return data, history_text(entries, session.paint(sys.stdout))


def _content(
    session: Session,
    config: Config,
    container: Container,
    version: RegisteredVersion | None,
    target: TargetIdentity,
) -> tuple[JSON, str]:
    """Returns an environment or one version, as JSON data and as text."""
    paint = session.paint(sys.stdout)
    if version is None:
        return container.to_json(), container_text(container, paint)
    from envsync.api.showing import ShownVersion, with_uses

    shown = with_uses(ShownVersion(container, version), config, target)
    if shown.warning and not session.quiet:
        session.err(f"Warning: {shown.warning}")
    return shown.to_json(), shown.to_yaml(session.shown, paint)


def _parse(reference: str) -> tuple[str, str | None, str | None]:
    """Splits `NAME`, `NAME@latest` or `NAME:VERSION` into name, label and version."""
    name, at, label = reference.partition("@")
    if at:
        if label != "latest":
            raise UsageError(f"Unknown label '@{label}'. The only label is '@latest'.")
        return name, label, None
    name, _, version = reference.partition(":")
    return name, None, version or None


def _find(container: Container, label: str | None, version: str | None) -> RegisteredVersion | None:
    """Returns the version with this label or version string, or None if neither is given."""
    wanted = container.latest if label else version
    if wanted is None:
        if label:
            raise EnvsyncError(f"{container.name} has no active version, so there is no @latest.")
        return None
    for item in container.versions:
        if item.version == wanted:
            return item
    known = ", ".join(item.version for item in container.versions)
    raise EnvsyncError(f"{container.name} has no version '{wanted}'. Its versions are: {known}.")
