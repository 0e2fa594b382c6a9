"""What was applied to the targets, newest first.

If a target has no history, the page shows what is known about each version: when the version was
created, who wrote it last, and the commit in its reserved tag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.history import HistoryAction, HistoryEntry
from envsync.model.provenance import Provenance
from envsync.model.state import RegisteredVersion
from envsync.plan.report import Report, TargetReport
from envsync.render.html.timeline import moment, short_time

MOST_APPLIES: Final = 200
"""The number of applies that are shown."""

_PAUSE: Final = timedelta(minutes=1)
"""A longer pause between two changes shows that two runs of `apply` made them."""

_PAST: Final[Mapping[HistoryAction, str]] = {
    "create": "created",
    "update": "updated",
    "archive": "archived",
    "restore": "restored",
    "delete": "deleted",
}


class ApplyView(Struct, frozen=True):
    """Changes that one user made in one target, with short pauses between them.

    Attributes:
        counts: what was done, such as `2 created, 1 archived`.
        changes: pairs of an action and an address.
    """

    target: str
    at: str
    actor: str
    commit: str
    counts: str
    changes: tuple[tuple[str, str], ...]


def apply_views(report: Report) -> list[ApplyView]:
    """Returns the last applies of all targets, newest first."""
    found = [
        _apply(target.plan.target.name, group)
        for target in report.targets
        for group in _groups(_entries(target))
    ]
    return sorted(found, key=lambda item: item.at, reverse=True)[:MOST_APPLIES]


def _entries(target: TargetReport) -> list[HistoryEntry]:
    if target.history is not None:
        return list(target.history)
    entries = [
        entry
        for container in target.containers.values()
        for item in container.versions
        if item.owner == target.plan.project
        for entry in _known(container.name, item)
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _known(name: str, item: RegisteredVersion) -> Iterator[HistoryEntry]:
    """Yields an entry for the creation of a version, and an entry for its last write."""
    tags: JSON = {"tags": dict(item.environment.provenance.as_tags())}
    # If the version was written again, its tag names the commit of the last write, not of the
    # creation.
    yield HistoryEntry(
        item.created, "", "create", name, item.version, None, None if item.modified else tags
    )
    if item.modified:
        yield HistoryEntry(
            item.modified.at, item.modified.by, "update", name, item.version, None, tags
        )


def _groups(entries: Iterable[HistoryEntry]) -> Iterator[list[HistoryEntry]]:
    group: list[HistoryEntry] = []
    for entry in entries:
        if group and not _together(group[-1], entry):
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def _together(before: HistoryEntry, after: HistoryEntry) -> bool:
    first, second = moment(before.at), moment(after.at)
    if first is None or second is None or before.actor != after.actor:
        return False
    commits = {_commit(before), _commit(after)} - {""}
    return second - first <= _PAUSE and len(commits) < 2


def _commit(entry: HistoryEntry) -> str:
    """Returns the commit that a change wrote into the tags. An archive writes no tags."""
    after: Any = entry.after
    if entry.action not in ("create", "update") or not isinstance(after, dict):
        return ""
    return Provenance.from_tags(after.get("tags") or {}).commit or ""


def _apply(target: str, group: list[HistoryEntry]) -> ApplyView:
    counts = Counter(entry.action for entry in group)
    return ApplyView(
        target,
        short_time(group[0].at),
        group[0].actor,
        next(filter(None, map(_commit, group)), ""),
        ", ".join(f"{counts[action]} {past}" for action, past in _PAST.items() if counts[action]),
        tuple(
            (entry.action, entry.name if entry.version is None else f"{entry.name}:{entry.version}")
            for entry in group
        ),
    )
