"""Planning against the emulator of Azure ML: with latency, under throttling, and several targets.

The floor of a plan is what its requests take if nothing else takes time: latency times requests
divided by the number of parallel requests, or the time after which the token bucket of Azure
Resource Manager has enough tokens.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import copy
from statistics import median
from typing import Any

from benchmarks.measuring import ENVSYNC, Command, Cost, Row, in_turn, once
from benchmarks.projects import write_project
from envsync.model.target import DEFAULT_PARALLEL

LATENCY = 0.05
"""Seconds that the emulator waits before each response."""

BUCKET, REFILL = 250, 25
"""The reads that Azure Resource Manager allows at once, and the reads that it adds each second:
https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"""


@dataclass(frozen=True, slots=True)
class Service:
    """A running emulator.

    Attributes:
        variables: the environment variables of its clients.
        log: its log, one line of JSON for each request.
    """

    variables: dict[str, str]
    log: Path

    def statuses(self) -> list[int]:
        """Returns the status of each request to the service so far. Signing in is no request."""
        return [line["status"] for line in self._lines()]

    def seconds(self) -> float:
        """Returns the seconds from the first request to the service to the last one."""
        times = [datetime.fromisoformat(line["ts"]) for line in self._lines()]
        return (max(times) - min(times)).total_seconds()

    def _lines(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["host"] == "management.azure.com"]


@contextmanager
def emulator(directory: Path, name: str, *options: str) -> Iterator[Service]:
    """Runs an emulator whose state is kept in a directory.

    Args:
        directory: the directory of the state and of the log.
        name: the name of the log.
        options: the options of `envsync emulator`.
    """
    log = directory / f"{name}.jsonl"
    command = [*ENVSYNC, "emulator", "--format", "json", "--log", str(log)]
    command += ["--state", str(directory / "state.db"), *options]
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        yield Service(json.loads(text), log)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def rows(scratch: Path, rounds: int) -> Iterator[Row]:
    """Yields the rows of this group.

    Args:
        scratch: an empty directory.
        rounds: the runs of each command.
    """
    yield from _with_latency(scratch / "latency", rounds)
    yield from _throttled(scratch / "throttled")
    yield from _status(scratch / "status", rounds)


def write_settings(directory: Path, workspaces: Sequence[str]) -> None:
    """Writes the settings of a project with a target for each workspace. The first is the default.

    Args:
        directory: the directory of the project.
        workspaces: the names of the workspaces and of the targets.
    """
    lines = ["project: benchmark", f"default_target: {workspaces[0]}", "targets:"]
    lines += [
        f"  {name}: {{kind: workspace, subscription_id: '${{AZURE_SUBSCRIPTION_ID}}', "
        f"resource_group: '${{AZURE_RESOURCE_GROUP}}', workspace: {name}}}"
        for name in workspaces
    ]
    (directory / "envsync.yaml").write_text("\n".join(lines) + "\n")


def registered(directory: Path, count: int, *, targets: int = 1) -> list[str]:
    """Writes a project whose environments are registered in each of its workspaces.

    Returns:
        The names of the workspaces.
    """
    write_project(directory, count)
    names = [f"ws-{number}" for number in range(targets)]
    write_settings(directory, names)
    with emulator(directory, "apply", "--workspaces", names[0]) as service:
        command = (*ENVSYNC, "-q", "apply", "--yes", "--no-verify")
        once(Command(command, directory, service.variables))
    # The emulator keeps the first workspace in `state.db`, and each other one in a file beside it.
    for name in names[1:]:
        copy(directory / "state.db", directory / f"state.workspace-{name}.db")
    return names


def _with_latency(directory: Path, rounds: int) -> Iterator[Row]:
    count = 500
    names = registered(directory, count)
    options = ("--workspaces", names[0], "--latency", f"{LATENCY * 1000:.0f}")
    with emulator(directory, "latency", *options) as service:
        commands = (
            Command((*ENVSYNC, "plan"), directory, service.variables),
            _minimal(directory, service, count, names),
        )
        ours, minimal = in_turn(*commands, rounds=rounds)
        requests = len(service.statuses()) / (rounds + 1) / len(commands)
    floor = LATENCY * requests / DEFAULT_PARALLEL
    for what, costs, goal in (
        (f"`plan` of {count} environments, 50 ms latency", ours, 1.3),
        ("the same requests with azure-core alone", minimal, None),
    ):
        wall = median(cost.wall for cost in costs)
        yield Row(
            what,
            f"the floor: {requests:.0f} requests, {DEFAULT_PARALLEL} at once",
            wall / floor,
            goal,
            detail=f"{wall:.2f} s ({_cpu(costs)}), {floor:.2f} s",
        )


def _throttled(directory: Path) -> Iterator[Row]:
    registered(directory, 2_000)
    # One run each: the bucket must be full at the start, and a run takes more than a minute.
    with emulator(directory, "throttled", "--workspaces", "ws-0", "--throttle", "arm") as service:
        cost = once(Command((*ENVSYNC, "plan"), directory, service.variables))
        statuses, span = service.statuses(), service.seconds()
    answered = sum(status != 429 for status in statuses)
    floor = (answered - BUCKET) / REFILL
    yield Row(
        "`plan` of 2,000 environments, throttled (one run)",
        f"the floor: {answered} reads from the bucket",
        cost.wall / floor,
        1.05,
        detail=f"{cost.wall:.1f} s ({_cpu([cost])}, {span:.1f} s of requests), {floor:.1f} s",
    )
    yield Row(
        "`plan` of 2,000 environments, throttled (one run)",
        "refused requests of all",
        100 * (len(statuses) - answered) / len(statuses),
        None,
        unit="%",
    )


def _status(directory: Path, rounds: int) -> Iterator[Row]:
    count = 200
    names = registered(directory, count, targets=5)
    options = ("--workspaces", ",".join(names), "--latency", f"{LATENCY * 1000:.0f}")
    with emulator(directory, "status", *options) as service:
        every = Command((*ENVSYNC, "status"), directory, service.variables)
        single = [
            Command((*ENVSYNC, "status", "-t", name), directory, service.variables)
            for name in names
        ]
        minimal = (
            _minimal(directory, service, count, names),
            _minimal(directory, service, count, names[:1]),
        )
        ours, minimal_all, minimal_one, *others = in_turn(every, *minimal, *single, rounds=rounds)
    slowest = max(others, key=lambda costs: median(cost.wall for cost in costs))
    for what, against, together, alone, goal in (
        (
            f"`status` of {count} environments in 5 workspaces, 50 ms latency",
            "the slowest of the 5 alone",
            ours,
            slowest,
            1.2,
        ),
        (
            "the same requests with azure-core alone",
            "one of the 5 with azure-core alone",
            minimal_all,
            minimal_one,
            None,
        ),
    ):
        wall, other = (median(cost.wall for cost in costs) for costs in (together, alone))
        detail = f"{wall:.2f} s ({_cpu(together)}), {other:.2f} s ({_cpu(alone)})"
        yield Row(what, against, wall / other, goal, detail=detail)


def _minimal(
    directory: Path, service: Service, environments: int, workspaces: Sequence[str]
) -> Command:
    """Returns a program that only sends the requests: `benchmarks/minimal.py`."""
    root = str(Path(__file__).parents[1])
    variables = {**service.variables, "PYTHONPATH": root}
    arguments = (sys.executable, "-m", "benchmarks.minimal", str(environments), *workspaces)
    return Command(arguments, directory, variables)


def _cpu(costs: Sequence[Cost]) -> str:
    # On a busy machine, this shows how much of the wall time is not waiting for the service.
    return f"{median(cost.cpu for cost in costs):.2f} s of CPU"
