"""`envsync show`: one environment or one version, as a target holds it."""

from __future__ import annotations

import sys

from envsync.cli.session import Session
from envsync.model.errors import EnvsyncError, UsageError
from envsync.model.state import Container, RegisteredVersion
from envsync.model.target import KeepsHistory
from envsync.render.state import container_text, history_text, version_text


def run(
    session: Session, reference: str, target: str | None, *, as_json: bool, history: bool
) -> int:
    """Prints what `NAME`, `NAME:VERSION` or `NAME@latest` stands for, or what happened to it."""
    name, label, version = _parse(reference)
    config = session.config()
    with session.target(config, target) as opened:
        container = opened.read([name]).get(name)
        if container is None:
            raise EnvsyncError(
                f"The target holds no environment '{name}'. See `envsync list --all`."
            )
        found = _find(container, label, version)
        paint = session.paint(sys.stdout)
        if history:
            if not isinstance(opened, KeepsHistory):
                raise EnvsyncError(f"Target '{opened.identity.name}' keeps no history.")
            entries = [
                entry
                for entry in opened.history(name)
                if found is None or entry.version in {None, found.version}
            ]
            if as_json:
                session.out_json([entry.to_json() for entry in entries])
            else:
                session.out(history_text(entries, paint))
        elif found is None:
            if as_json:
                session.out_json(container.to_json())
            else:
                session.out(container_text(container, paint))
        elif as_json:
            session.out_json(found.to_json())
        else:
            session.out(version_text(found, paint, session.width))
    return 0


def _parse(reference: str) -> tuple[str, str | None, str | None]:
    """Name, label and version of `NAME`, `NAME@latest` or `NAME:VERSION`."""
    name, at, label = reference.partition("@")
    if at:
        if label != "latest":
            raise UsageError(f"'@{label}' is no label that the service knows; '@latest' is.")
        return name, label, None
    name, _, version = reference.partition(":")
    return name, None, version or None


def _find(container: Container, label: str | None, version: str | None) -> RegisteredVersion | None:
    wanted = container.latest if label else version
    if wanted is None:
        if label:
            raise EnvsyncError(f"{container.name} has no active version, so there is no @latest.")
        return None
    for item in container.versions:
        if item.version == wanted:
            return item
    known = ", ".join(item.version for item in container.versions)
    raise EnvsyncError(f"{container.name} has no version '{wanted}'. It has: {known}.")
