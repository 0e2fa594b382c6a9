"""Earlier states of a store, for lists that are eventually consistent.

The lists of Azure ML show a write up to half a minute later. No copies are stored, because the
history of a store contains the state before each write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from envsync.model.canonical import JSON, canonical_json
from envsync.model.history import HistoryEntry
from envsync.targets.store.rows import ContainerRecord, VersionRecord


def horizon(now: datetime, lag_seconds: float, started: datetime) -> str:
    """Returns the time (ISO 8601 in UTC) of the state that lists show.

    The time is never before the start of the emulator, so environments from a state file or a seed
    are visible immediately.

    Args:
        now: the current time.
        lag_seconds: the lag of the lists.
        started: the start of the emulator.
    """
    return timestamp(max(now - timedelta(seconds=lag_seconds), started))


def timestamp(moment: datetime) -> str:
    """Formats a time like the times in a store, so that times can be compared as strings."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def as_of(
    containers: Iterable[ContainerRecord],
    versions: Iterable[VersionRecord],
    *,
    later: Iterable[HistoryEntry],
    at: str,
) -> tuple[list[ContainerRecord], list[VersionRecord]]:
    """Returns the containers and versions as they were at a time.

    Args:
        containers: the current containers.
        versions: the current versions.
        later: the changes after `at`, newest first.
        at: the time, ISO 8601 in UTC.
    """
    by_name = {item.name: item for item in containers if item.created_at <= at}
    by_key = {
        (item.row.name, item.row.version): item for item in versions if item.row.created_at <= at
    }
    # Undo the changes from the newest to the oldest.
    for entry in later:
        # A creation has no earlier state. The checks of `created_at` above have already left out
        # containers and versions created later.
        if entry.before is None or not isinstance(entry.before, dict):
            continue
        if entry.version is None:
            if entry.name in by_name:
                by_name[entry.name] = _container_before(by_name[entry.name], entry.before)
        elif (key := (entry.name, entry.version)) in by_key:
            by_key[key] = _version_before(by_key[key], entry.before)
    return list(by_name.values()), list(by_key.values())


def _container_before(record: ContainerRecord, before: Mapping[str, JSON]) -> ContainerRecord:
    # The history of a container contains only the values that a write changed.
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
