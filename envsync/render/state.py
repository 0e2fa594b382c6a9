"""What a target holds, as text and as JSON data: lists, one environment, one version, history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envsync.model.canonical import JSON
from envsync.model.history import HistoryEntry
from envsync.model.state import Container, RegisteredVersion
from envsync.render.paint import Paint, columns, pad, safe
from envsync.render.values import value_lines, value_text


def list_json(containers: Iterable[Container], *, everything: bool) -> JSON:
    """The shape of `list --format json`; archived versions only with `everything`."""
    return [_container_json(container, everything) for container in containers]


def list_text(containers: Sequence[Container], paint: Paint, *, everything: bool) -> str:
    """One line for each environment."""
    if not containers:
        return "The target holds no environments.\n"
    header = ("NAME", "LATEST", "VERSIONS", "OWNER") + (("STATE",) if everything else ())
    rows = [header]
    for container in containers:
        shown = container.versions if everything else container.active
        owners = sorted({item.owner for item in shown if item.owner})
        row = (
            safe(container.name),
            safe(container.latest or "-"),
            str(len(shown)),
            safe(", ".join(owners) or "-"),
        )
        rows.append((*row, _state(container)) if everything else row)
    first, *rest = columns(rows)
    return "\n".join([paint("bold", first), *rest]) + "\n"


def container_json(container: Container) -> JSON:
    """The shape of `show NAME --format json`: every version, whole."""
    return {
        "name": container.name,
        "archived": container.archived,
        "latest": container.latest,
        "versions": [version_json(item) for item in container.versions],
    }


def container_text(container: Container, paint: Paint) -> str:
    """An environment and its versions, newest first."""
    rows = [("VERSION", "CREATED", "STATE", "OWNER", "DESCRIPTION")]
    rows += [
        (
            safe(item.version) + (" @latest" if item.version == container.latest else ""),
            item.created[:19].replace("T", " "),
            "archived" if item.archived else "hidden" if container.archived else "active",
            safe(item.owner or "-"),
            safe(item.environment.metadata.description or ""),
        )
        for item in reversed(container.versions)
    ]
    header, *lines = columns(rows)
    title = paint("bold", safe(container.name)) + ("  (archived)" if container.archived else "")
    return "\n".join([title, "", paint("bold", header), *lines]) + "\n"


def version_json(item: RegisteredVersion) -> dict[str, JSON]:
    """The shape of `show NAME:VERSION --format json`."""
    environment = item.environment
    spec = environment.spec.document()
    build = spec.get("build")
    if isinstance(build, dict) and item.context_uri is not None:
        spec["build"] = {**build, "context_uri": item.context_uri}
    return {
        "name": environment.key.name,
        "version": environment.key.version,
        **spec,
        "description": environment.metadata.description,
        "tags": dict(environment.metadata.tags),
        "archived": item.archived,
        "created": item.created,
        "owner": item.owner,
        "digest": environment.provenance.digest,
        "source": environment.provenance.source,
        "commit": environment.provenance.commit,
    }


def version_text(item: RegisteredVersion, paint: Paint, width: int) -> str:
    """One version, field by field."""
    document = version_json(item)
    rows: list[tuple[str, str]] = []
    for field, value in document.items():
        if isinstance(value, dict) and field != "conda_file":
            rows += [
                (f"{field}.{safe(key)}", value_text(inner))
                for key, inner in value.items()
                # A service that keeps no digest of a build context says where its content is.
                if inner is not None or item.context_uri is None
            ]
        elif value is not None and field not in {"name", "version"}:
            rows.append((field, value_text(value)))
    column = max(len(field) for field, _ in rows)
    lines = [paint("bold", safe(str(item.environment.key)))]
    for field, value in rows:
        lines += value_lines(f"  {pad(field, column)}  ", value, paint, "", width, full=True)
    return "\n".join(lines) + "\n"


def history_json(entries: Iterable[HistoryEntry]) -> JSON:
    """The shape of `show NAME --history --format json`."""
    return [
        {
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "name": entry.name,
            "version": entry.version,
            "before": entry.before,
            "after": entry.after,
        }
        for entry in entries
    ]


def history_text(entries: Iterable[HistoryEntry], paint: Paint) -> str:
    """One line for each change, oldest first."""
    rows = [("WHEN", "WHO", "WHAT", "VERSION")]
    rows += [
        (
            entry.at[:19].replace("T", " "),
            safe(entry.actor),
            entry.action,
            safe(entry.version) if entry.version is not None else "(environment)",
        )
        for entry in entries
    ]
    header, *lines = columns(rows)
    return "\n".join([paint("bold", header), *lines]) + "\n"


def _container_json(container: Container, everything: bool) -> JSON:
    return {
        "name": container.name,
        "versions": [
            {
                "version": item.version,
                "archived": item.archived or container.archived,
                "created": item.created,
                "owner": item.owner,
            }
            for item in (container.versions if everything else container.active)
        ],
        "latest": container.latest,
        "archived": container.archived,
    }


def _state(container: Container) -> str:
    if container.archived:
        return "archived"
    hidden = len(container.versions) - len(container.active)
    return f"{hidden} archived" if hidden else "active"
