"""Lets two applies race, on a local target, a workspace and a registry of an emulator.

Both sides make their plans from the same state, and then apply them at the same time. The plans
contradict each other, so at most one of them can win. If both sides report every change as done and
verified, one of them has lost its change without a report. Also measures the time between the last
check and the write, in which nobody can notice another client.

    python -m tests.torture.races [--seed 1] [--count 200] [--only TEXT] [--minutes 30]
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from envsync.model.declaration import Declaration
from envsync.model.errors import EnvsyncError
from envsync.model.policy import Policy
from envsync.model.target import Target, TargetIdentity
from envsync.plan.apply import apply
from envsync.plan.outcome import unverified
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.project.settings.targets import TargetKind
from envsync.targets.connection import Connection
from envsync.targets.local.target import LocalTarget
from tests.builders import PROJECT, declared, image
from tests.torture._common import Row, batches, options, part, report

Open = Callable[[], Target]
Pair = tuple["Side", "Side"]

PLACES: tuple[str, ...] = ("local target", "workspace", "registry")


@dataclass(frozen=True)
class Side:
    """One of two applies."""

    project: str
    declarations: tuple[Declaration, ...]


KEPT = declared("kept", "1")
FIRST = declared("raced", "1", description="start")


def _one_project(chance: random.Random) -> tuple[Declaration | None, Pair]:
    """Returns the start, and two states of one project that contradict each other."""
    gone = Side(PROJECT, (KEPT,))
    first, second = (
        Side(PROJECT, (KEPT, declared("raced", "1", description=text))) for text in "ab"
    )
    newer, other = (
        Side(PROJECT, (KEPT, FIRST, declared("raced", "2", image(tag)))) for tag in "ab"
    )
    # An archive of an environment hides an update, but does not overwrite it, so the two do not
    # contradict each other.
    pairs = ((first, second), (newer, other), (newer, gone))
    return FIRST, chance.choice(pairs)


def _two_projects(chance: random.Random) -> tuple[Declaration | None, Pair]:
    """Returns two projects that create the same version."""
    tags = chance.choice(("ab", "aa"))
    one, two = (declared("raced", "1", image(tag)) for tag in tags)
    return None, (Side(PROJECT, (KEPT, one)), Side("other", (one if tags == "aa" else two,)))


def race(open_target: Open, seed: int, scenario: Callable[..., Any]) -> list[list[str]]:
    """Runs one race. Returns the results of both sides: a status for each change."""
    chance = random.Random(seed)
    start, sides = scenario(chance)
    with closing(open_target()) as target:
        list(apply(_plan(target, Side(PROJECT, (KEPT, *([start] if start else [])))), target))
    delays = [chance.choice((0.0, 0.0, chance.uniform(0, 0.02))) for _ in sides]
    barrier, results = threading.Barrier(len(sides)), [[] for _ in sides]  # type: ignore[var-annotated]

    def run(number: int) -> None:
        with closing(open_target()) as target:
            plan = _plan(target, sides[number])
            barrier.wait(60)
            time.sleep(delays[number])
            outcomes = list(apply(plan, target))
            try:
                target.settle(lambda _: None)
                missing = set(unverified(outcomes, _plan(target, sides[number])))
            except EnvsyncError:
                missing = {item.change.address for item in outcomes}
            results[number] = [
                f"{'unverified' if item.change.address in missing else item.status}"
                f" {item.change.action} {item.change.address}"
                for item in outcomes
            ]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(sides))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _plan(target: Target, side: Side) -> Plan:
    names = {item.name for item in side.declarations}
    policy = Policy(side.project, allow_mass_archive=True)
    return make_plan(side.declarations, target.read(names, side.project), policy, target.identity)


@contextmanager
def places(place: str, count: int, latency: int) -> Iterator[Callable[[], tuple[Open, Any]]]:
    """Yields a function that returns a new target and the emulator, if there is one."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if place == "local target":
            numbers = iter(range(count))

            def local() -> tuple[Open, Any]:
                path = directory / f"{next(numbers)}.db"
                identity = TargetIdentity("local", "local", "local.db")
                return (lambda: LocalTarget(path, identity)), None

            yield local
            return
        from envsync.targets.kinds import open_target
        from tests.targets.azure.on_emulator import azure

        kind: TargetKind = "workspace" if place == "workspace" else "registry"
        numbers_of = {"workspaces": 0, "registries": 0}
        numbers_of["workspaces" if kind == "workspace" else "registries"] = count
        service = stack.enter_context(azure(directory, **numbers_of, latency_ms=latency))

        def remote() -> tuple[Open, Any]:
            config = service.config(kind)
            return (lambda: open_target(config, Path(), Connection(stale=0.5))), service

        yield remote


def run(
    place: str,
    what: str,
    scenario: Callable[..., Any],
    *,
    seed: int,
    count: int,
    minutes: float | None = None,
) -> Row:
    """Runs races on one kind of target."""
    row = Row(f"{what}, {place}")
    for batch in batches(seed, count, minutes, size=20):
        with places(place, len(batch), latency=5) as new:
            for number in batch:
                results = race(new()[0], number, scenario)
                statuses = [[text.split()[0] for text in side] for side in results]
                for status in (status for side in statuses for status in side):
                    row.note(status)
                silent = all(side and set(side) == {"done"} for side in statuses)
                row.add(number, [f"both done and verified: {results}"] if silent else [])
    return row


def windows(place: str, count: int) -> list[Row]:
    """Measures the time between the last check of a write and its arrival at the emulator."""
    rows = []
    with places(place, 1, latency=0) as new:
        make, service = new()
        with closing(make()) as target:
            found: dict[str, list[float]] = {"create": [], "update": [], "archive": []}
            for number in range(count):
                name = f"w{number}"
                for what, declarations in (
                    ("create", (KEPT, declared(name, "1"))),
                    ("update", (KEPT, declared(name, "1", description="New."))),
                    ("archive", (KEPT,)),
                ):
                    plan = _plan(target, Side(PROJECT, declarations))
                    before = len(service.requests())
                    list(apply(plan, target))
                    window = _window(service.requests()[before:], name, what)
                    found[what].append(window)
    for what, times in found.items():
        # The first create imports azure-ai-ml.
        row = Row(
            f"window of {what}, {place}: {1000 * statistics.median(times):.1f} ms (median), "
            f"{1000 * max(times):.1f} ms (longest)"
        )
        row.runs = len(times)
        rows.append(row)
    return rows


def _window(requests: Sequence[dict[str, Any]], name: str, what: str) -> float:
    """Returns the seconds between the last check and the first write."""
    parts = f"/environments/{name}"
    end = 0.0
    for item in requests:
        at = datetime.fromisoformat(item["ts"]).timestamp()
        version = parts in item["path"] and "/versions" in item["path"]
        if item["method"] == "PUT" and "tempdatarefs" not in item["path"] and parts in item["path"]:
            return at - end
        if item["method"] == "GET" and version:
            end = at + item["ms"] / 1000
    raise AssertionError(f"no write of {name} ({what})")


SCENARIOS = (("two applies of one project", _one_project), ("two projects", _two_projects))


def main() -> int:
    """Runs the races of the command line, and prints the table."""
    arguments = options(__doc__, count=200).parse_args()
    warnings.simplefilter("ignore")
    rows: list[Row] = []
    for place in PLACES:
        for what, scenario in SCENARIOS:
            if arguments.only in f"{what}, {place}":
                minutes = part(arguments, len(PLACES) * len(SCENARIOS))
                limits = {"seed": arguments.seed, "count": arguments.count, "minutes": minutes}
                rows.append(run(place, what, scenario, **limits))
                report("Races", rows[-1:], arguments.seed)
        if place != "local target" and arguments.only in f"windows, {place}":
            rows += windows(place, min(arguments.count, 20))
    return report("Races", rows, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
