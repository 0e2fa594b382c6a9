"""Renders the content of a target as text: a list, one environment, or a history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envsync.model.history import HistoryEntry
from envsync.model.state import Container
from envsync.model.wording import printable
from envsync.plan.ownership import belongs_to_service
from envsync.render.paint import Paint, columns


def list_text(containers: Sequence[Container], paint: Paint, *, everything: bool) -> str:
    """Returns a table with one line for each environment.

    Args:
        containers: the environments to list.
        paint: a function that colours text.
        everything: whether to count archived versions, and to add a column STATE. The column is
            also added if a curated environment is listed.
    """
    if not containers:
        return "The target has no environments.\n"
    with_state = everything or any(map(belongs_to_service, containers))
    header = ("NAME", "LATEST", "VERSIONS", "OWNER") + (("STATE",) if with_state else ())
    rows = [header]
    for container in containers:
        shown = container.versions if everything else container.active
        owners = sorted({item.owner for item in shown if item.owner})
        row = (
            printable(container.name),
            printable(container.latest or "-"),
            str(len(shown)),
            printable(", ".join(owners) or "-"),
        )
        rows.append((*row, _state(container)) if with_state else row)
    first, *rest = columns(rows)
    return "\n".join([paint("bold", first), *rest]) + "\n"


def container_text(container: Container, paint: Paint) -> str:
    """Returns an environment as text, with one line for each version, newest first."""
    rows = [("VERSION", "CREATED", "STATE", "OWNER", "DESCRIPTION")]
    rows += [
        (
            printable(item.version) + (" @latest" if item.version == container.latest else ""),
            # Seconds are enough: `2024-05-01T12:00:00.123456Z` becomes `2024-05-01 12:00:00`.
            item.created[:19].replace("T", " "),
            # A "hidden" version is not archived itself, but its environment is. Restoring the
            # environment shows the version again.
            "archived" if item.archived else "hidden" if container.archived else "active",
            printable(item.owner or "-"),
            printable(item.environment.metadata.description or ""),
        )
        for item in reversed(container.versions)
    ]
    header, *lines = columns(rows)
    title = paint("bold", printable(container.name)) + (
        "  (archived)" if container.archived else ""
    )
    return "\n".join([title, "", paint("bold", header), *lines]) + "\n"


def history_text(entries: Iterable[HistoryEntry], paint: Paint) -> str:
    """Returns a table with one line for each change, oldest first."""
    rows = [("WHEN", "WHO", "WHAT", "VERSION")]
    rows += [
        (
            entry.at[:19].replace("T", " "),
            printable(entry.actor),
            entry.action,
            printable(entry.version) if entry.version is not None else "(environment)",
        )
        for entry in entries
    ]
    header, *lines = columns(rows)
    return "\n".join([paint("bold", header), *lines]) + "\n"


def _state(container: Container) -> str:
    hidden = len(container.versions) - len(container.active)
    state = "archived" if container.archived else f"{hidden} archived" if hidden else "active"
    if not belongs_to_service(container):
        return state
    # Almost every curated environment is active, so `active` is not shown.
    return "curated" if state == "active" else f"curated, {state}"
