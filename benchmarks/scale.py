"""Many targets against the emulator: one process for each target, and one process for all.

    python -m benchmarks.scale [--targets 50] [--environments 20]

Prints the wall time, the CPU time of envsync, and the largest memory of one process. The processes
for single targets run side by side, as many at a time as there are cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measuring import ENVSYNC, Command, Cost, once
from benchmarks.service import LATENCY, Service, emulator, registered


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=50)
    parser.add_argument("--environments", type=int, default=20)
    arguments = parser.parse_args()
    print(
        "| what | wall | CPU | memory of a process | requests |\n|---|---|---|---|---|", flush=True
    )
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch, "project")
        names = registered(directory, arguments.environments, targets=arguments.targets)
        options = ("--workspaces", ",".join(names), "--latency", f"{LATENCY * 1000:.0f}")
        with emulator(directory, "scale", *options) as service:
            once(Command((*ENVSYNC, "plan"), directory, service.variables))
            at_once = os.cpu_count() or 1
            single = [("plan", "-t", name) for name in names]
            _measure(f"`plan -t`, {at_once} processes at a time", directory, service, single)
            _measure("`plan --all-targets`", directory, service, [("plan", "--all-targets")])
            _measure("`status`", directory, service, [("status",)])


def _measure(
    what: str, directory: Path, service: Service, commands: Sequence[tuple[str, ...]]
) -> None:
    """Runs commands, as many at a time as there are cores, and prints a row of the table."""
    before, start = len(service.statuses()), time.perf_counter()

    def run(arguments: tuple[str, ...]) -> Cost:
        return once(Command((*ENVSYNC, *arguments), directory, service.variables))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        costs = list(pool.map(run, commands))
    wall, cpu = time.perf_counter() - start, sum(cost.cpu for cost in costs)
    memory, requests = max(cost.memory for cost in costs), len(service.statuses()) - before
    row = f"| {what} | {wall:.1f} s | {cpu:.1f} s | {memory:.0f} MB | {requests} |"
    print(row, flush=True)


if __name__ == "__main__":
    main()
