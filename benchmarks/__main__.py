"""Runs the benchmarks and prints one table: `python -m benchmarks [GROUP ...]`.

Every figure is the median of at least five runs of whole processes, or a ratio of two such medians.
Both commands of a ratio run in turn, on the same files.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from benchmarks.measuring import HEADER, ROUNDS, Row

GROUPS = ("startup", "reading", "terraform", "contexts", "service")


def main() -> None:
    """Prints the table of the named groups, or of all groups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of: {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of each command")
    options = parser.parse_args()
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"unknown groups: {', '.join(sorted(unknown))}")
    if options.rounds < ROUNDS:
        parser.error(f"--rounds must be at least {ROUNDS}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, ", end="")
    print(f"{platform.system()} on {os.cpu_count()} cores, {options.rounds} runs of each command\n")
    print(HEADER, flush=True)
    missed = 0
    for group in options.groups or GROUPS:
        rows: Callable[[Path, int], Iterator[Row]] = import_module(f"benchmarks.{group}").rows
        with tempfile.TemporaryDirectory() as scratch:
            for row in rows(Path(scratch), options.rounds):
                missed += not row.is_met
                print(row.as_markdown(), flush=True)
    print(f"\n{missed} goals are not met." if missed else "\nEvery goal is met.")


if __name__ == "__main__":
    main()
