"""The versions of each environment over time, in all targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from envsync.model.naming import natural_order
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.report import Report

WIDTH: Final = 600
"""The width of a timeline, in the unit of the SVG picture. The numbers below have the same unit."""

_EDGE: Final = 12
_GAP: Final = 16
"""The minimum distance between two dots. Without it, versions of the same minute would overlap."""


class VersionView(Struct, frozen=True):
    """One version. `x` is its position on the timeline."""

    version: str
    x: int
    created: str
    state: str
    is_latest: bool
    commit: str
    owner: str


class TimelineView(Struct, frozen=True):
    """The versions of an environment in one target, oldest first."""

    target: str
    latest: str | None
    versions: tuple[VersionView, ...]

    @property
    def label(self) -> str:
        """The timeline in words, for people who do not see it."""
        latest = f"; @latest is {self.latest}" if self.latest else "; none is active"
        count = len(self.versions)
        return f"{count} version{'' if count == 1 else 's'} in {self.target} over time{latest}"


class EnvironmentView(Struct, frozen=True):
    """One environment in all its targets. `first` is the time of the oldest version."""

    name: str
    first: str
    timelines: tuple[TimelineView, ...]


def moment(text: str) -> datetime | None:
    """Returns the time of an ISO 8601 text, or None if the text is not a time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def short_time(text: str) -> str:
    """Returns a time without its seconds: `2024-05-01 12:00`."""
    return text[:16].replace("T", " ")


def environment_views(report: Report) -> Iterator[EnvironmentView]:
    """Yields the environments that at least one target has, sorted by name."""
    names = {name for target in report.targets for name in target.containers}
    for name in sorted(names, key=natural_order):
        held = {
            target.plan.target.name: target.containers[name]
            for target in report.targets
            if name in target.containers and target.containers[name].versions
        }
        times = [item.created for container in held.values() for item in container.versions]
        first = min(filter(moment, times), default="")
        if held:
            yield EnvironmentView(
                name,
                short_time(first),
                tuple(_timeline(key, item, first, report.at) for key, item in held.items()),
            )


def _timeline(target: str, container: Container, first: str, last: str) -> TimelineView:
    latest = container.latest
    places = positions([item.created for item in container.versions], first, last)
    return TimelineView(
        target,
        latest,
        tuple(
            VersionView(
                item.version,
                x,
                short_time(item.created) or "unknown time",
                _state(container, item),
                item.version == latest,
                item.environment.provenance.commit or "",
                item.owner or "",
            )
            for item, x in zip(container.versions, places, strict=True)
        ),
    )


def _state(container: Container, item: RegisteredVersion) -> str:
    if item.archived:
        return "archived"
    return "hidden" if container.archived else "active"


def positions(times: Sequence[str], first: str, last: str) -> list[int]:
    """Returns the position of each time on a timeline from `first` to `last`.

    The order of the times is kept.
    """
    start, end = moment(first), moment(last)
    room, count = WIDTH - 2 * _EDGE, len(times)
    gap = min(_GAP, room // max(count - 1, 1))
    found: list[int] = []
    for text in times:
        time, share = moment(text), 0.0
        if time and start and end and end > start:
            share = min(max((time - start) / (end - start), 0.0), 1.0)
        least = found[-1] + gap if found else _EDGE
        found.append(max(least, _EDGE + round(share * room)))
    # Dots that the minimum distance moved out of the picture are moved back to the left.
    return [min(x, WIDTH - _EDGE - gap * (count - 1 - number)) for number, x in enumerate(found)]
