"""Renders the content of a target as text: a list, one environment, one version, or a history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envsync.model.canonical import JSON
from envsync.model.history import HistoryEntry
from envsync.model.state import Container, RegisteredVersion
from envsync.model.wording import printable
from envsync.plan.change import FieldChange
from envsync.render.field_text import field_lines, label_width
from envsync.render.field_view import FieldView, field_views
from envsync.render.paint import Paint, columns
from envsync.render.values import value_text


def list_text(containers: Sequence[Container], paint: Paint, *, everything: bool) -> str:
    """Returns a table with one line for each environment.

    Args:
        containers: the environments to list.
        paint: a function that colours text.
        everything: whether to count archived versions, and to add a column STATE.
    """
    if not containers:
        return "The target has no environments.\n"
    header = ("NAME", "LATEST", "VERSIONS", "OWNER") + (("STATE",) if everything else ())
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
        rows.append((*row, _state(container)) if everything else row)
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
            # A "hidden" version is not archived itself. Restoring the environment shows the version
            # again.
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


def version_text(item: RegisteredVersion, paint: Paint, width: int) -> str:
    """Returns one version as text, field by field.

    Args:
        item: the version.
        paint: a function that colours text.
        width: columns of the terminal.
    """
    document = item.to_json()
    rows: list[FieldView] = []
    for field, value in document.items():
        if field == "conda_file":
            rows += field_views([FieldChange(field, None, value)], listed=True)
        elif isinstance(value, dict):
            rows += [
                _row(f"{field}.{printable(key)}", inner)
                for key, inner in value.items()
                # Azure stores no digest of a build context, so the URL of the context is shown
                # instead.
                if inner is not None or item.context_uri is None
            ]
        elif value is not None and field not in {"name", "version"}:
            rows.append(_row(field, value))
    column = label_width(rows, width)
    lines = [paint("bold", printable(str(item.environment.key)))]
    for row in rows:
        lines += field_lines(row, column, paint, indent=2, width=width, full=True)
    return "\n".join(lines) + "\n"


def _row(path: str, value: JSON) -> FieldView:
    return FieldView(path, None, value_text(value), listed=True)


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
    if container.archived:
        return "archived"
    hidden = len(container.versions) - len(container.active)
    return f"{hidden} archived" if hidden else "active"
