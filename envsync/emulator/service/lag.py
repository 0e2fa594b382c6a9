"""Lists as they were a while ago: the service's own lag behind writes, up to half a minute.

Nothing is kept for it: a store's history says what each write found before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from envsync.model.canonical import JSON, canonical_json
from envsync.model.history import HistoryEntry
from envsync.targets.store.rows import ContainerRecord, VersionRecord


def horizon(now: datetime, lag_seconds: float, started: datetime) -> str:
    """The time (ISO 8601 in UTC) whose state lists show: never one before the emulator started."""
    return timestamp(max(now - timedelta(seconds=lag_seconds), started))


def timestamp(moment: datetime) -> str:
    """A time as rows have it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def as_of(
    containers: Iterable[ContainerRecord],
    versions: Iterable[VersionRecord],
    later: Iterable[HistoryEntry],
    at: str,
) -> tuple[list[ContainerRecord], list[VersionRecord]]:
    """Containers and versions without what happened after a time.

    Args:
        containers: as they are.
        versions: as they are.
        later: the changes since then, newest first.
        at: ISO 8601 in UTC.
    """
    by_name = {item.name: item for item in containers if item.created_at <= at}
    by_key = {
        (item.row.name, item.row.version): item for item in versions if item.row.created_at <= at
    }
    for entry in later:
        if entry.before is None or not isinstance(entry.before, dict):
            continue
        if entry.version is None:
            if entry.name in by_name:
                by_name[entry.name] = _container_before(by_name[entry.name], entry.before)
        elif (key := (entry.name, entry.version)) in by_key:
            by_key[key] = _version_before(by_key[key], entry.before)
    return list(by_name.values()), list(by_key.values())


def _container_before(record: ContainerRecord, before: Mapping[str, JSON]) -> ContainerRecord:
    if "archived" in before:
        record = record._replace(archived=int(bool(before["archived"])))
    if "tags" in before:
        record = record._replace(
            description=_optional_text(before["description"]), tags=canonical_json(before["tags"])
        )
    return record


def _version_before(record: VersionRecord, before: Mapping[str, JSON]) -> VersionRecord:
    row = record.row._replace(
        description=_optional_text(before["description"]),
        tags=canonical_json(before["tags"]),
        archived=int(bool(before["archived"])),
    )
    return record._replace(row=row)


def _optional_text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None
