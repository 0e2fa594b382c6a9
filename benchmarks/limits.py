"""Simulates plans and applies under the limits of Azure Resource Manager.

The emulator can check the simulation.

The simulation runs the workers of one envsync process on a virtual clock, with envsync's own
throttle and the emulator's token buckets. It leaves out the CPU time of both.

    python -m benchmarks.limits [--environments 10000]    prints the simulated times
    python -m benchmarks.limits --check 800               measures a plan as well: under a minute
"""

from __future__ import annotations

import argparse
import heapq
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from benchmarks.measuring import ENVSYNC, Command, once
from benchmarks.projects import write_project
from benchmarks.service import LATENCY, emulator, write_settings
from envsync.emulator.middleware.throttle import LIMITS, Bucket, Operations
from envsync.model.target import DEFAULT_PARALLEL
from envsync.targets.azure.http.transport import READS, WRITES, Throttle

PAGE = 100
"""The entries of one page of a list, as in the emulator."""

# The requests of one change, in their order: see docs/contributing/performance.md.
CREATE: Sequence[Operations] = ("reads", "reads", "writes", "reads", "reads", "writes")
UPDATE: Sequence[Operations] = ("reads", "writes", "reads")


@dataclass(frozen=True, slots=True)
class Simulated:
    """The result of one simulation.

    Attributes:
        seconds: the time from the first request to the last response.
        requests: the answered requests.
        refused: the requests that got a 429.
    """

    seconds: float
    requests: int
    refused: int


def simulate(
    tasks: Sequence[Sequence[Operations]],
    *,
    processes: int = 1,
    parallel: int = DEFAULT_PARALLEL,
    latency: float = LATENCY,
) -> Simulated:
    """Simulates processes that share the buckets of one subscription.

    Args:
        tasks: the tasks of all processes. The requests of a task are sent one after another.
        processes: the processes, each with its own throttle.
        parallel: the workers of each process.
        latency: the seconds between a request and its response.
    """
    now = 0.0
    buckets = {kind: Bucket(limit, lambda: now) for kind, limit in LIMITS.items()}
    throttles = [
        {"reads": Throttle(parallel, READS), "writes": Throttle(parallel, WRITES)}
        for _ in range(processes)
    ]
    chance, waiting, requests, refused = random.Random(1), list(tasks), 0, 0
    # An event is a time, a worker, whether a request arrives, and the rest of the worker's task.
    events: list[tuple[float, int, bool, Sequence[Operations]]] = [
        (0.0, worker, False, ()) for worker in range(processes * parallel)
    ]
    while events:
        now, worker, arrives, task = heapq.heappop(events)
        if not arrives:
            if not task and not waiting:
                continue
            task = task or waiting.pop()
            delay = throttles[worker % processes][task[0]].delay
            heapq.heappush(events, (now + delay, worker, True, task))
            continue
        left, wait = buckets[task[0]].take()
        throttles[worker % processes][task[0]].note(str(left))
        pause = latency
        if wait:
            refused, pause = refused + 1, wait * (1 + chance.random() / 4)
        else:
            requests, task = requests + 1, task[1:]
        heapq.heappush(events, (now + pause, worker, False, task))
    return Simulated(now, requests, refused)


def plan(environments: int) -> list[Sequence[Operations]]:
    """Returns the requests of a plan: the pages of two lists, and one for each environment."""
    return [("reads",)] * (2 * ceil(environments / PAGE) + environments)


def floor(tasks: Sequence[Sequence[Operations]]) -> float:
    """Returns the seconds until the buckets have had enough tokens for the tasks."""
    found = [0.0]
    for kind, limit in LIMITS.items():
        needed = sum(list(task).count(kind) for task in tasks)
        found.append((needed - limit.size) / limit.per_second)
    return max(found)


def _check(environments: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        directory = write_project(Path(scratch, "project"), environments)
        write_settings(directory, ["ws-0"])
        options = (
            "--workspaces",
            "ws-0",
            "--throttle",
            "arm",
            "--latency",
            f"{LATENCY * 1000:.0f}",
        )
        with emulator(directory, "limits", *options) as service:
            cost = once(Command((*ENVSYNC, "plan"), directory, service.variables))
            statuses, span = service.statuses(), service.seconds()
    answered = sum(status != 429 for status in statuses)
    found = simulate([("reads",)] * answered)
    print(f"plan of {environments} in the emulator: {cost.wall:.1f} s ({cost.cpu:.1f} s of CPU),")
    print(f"  {answered} requests in {span:.1f} s, {len(statuses) - answered} refused")
    print(f"simulated: {found.seconds:.1f} s, {found.requests} requests, {found.refused} refused")


def main() -> None:
    """Prints the simulated times of 10,000 environments, or checks the simulation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=int, default=10_000)
    parser.add_argument("--check", type=int, metavar="N", help="compare with a plan of N")
    arguments = parser.parse_args()
    if arguments.check:
        _check(arguments.check)
        return
    count: int = arguments.environments
    print(
        "| what | processes | requests | simulated | floor | refused |\n|---|---|---|---|---|---|"
    )
    for what, tasks in (
        (f"plan of {count:,}", plan(count)),
        (f"create {count:,} environments", [CREATE] * count),
        (f"update {count:,} versions", [UPDATE] * count),
    ):
        for processes in (1, 8):
            found = simulate(tasks, processes=processes)
            print(
                f"| {what} | {processes} | {found.requests:,} | {found.seconds:,.0f} s | "
                f"{floor(tasks):,.0f} s | {found.refused:,} |"
            )


if __name__ == "__main__":
    main()
