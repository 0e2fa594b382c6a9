"""What the scripts of `make torture` share: their options, their table, and short waits."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

PART = 0.02
"""The part of each wait that `shorten_waits` keeps."""

_sleep = time.sleep


def shorten_waits() -> None:
    """Shortens `time.sleep` in this process. Call it before envsync and azure-core are imported.

    Waits between retries are most of the time of a history. Their order stays the same.
    """
    time.sleep = lambda seconds: _sleep(float(seconds) * PART)


@dataclass
class Row:
    """One row of a table.

    Attributes:
        what: the kind of run.
        runs: the number of runs.
        defects: one line for each defect, with the seed of its run.
        notes: counts of what happened, which are no defects.
    """

    what: str
    runs: int = 0
    defects: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, what: str, number: int = 1) -> None:
        """Adds to a count."""
        self.notes[what] = self.notes.get(what, 0) + number

    def add(self, seed: int, defects: Iterable[str]) -> None:
        """Adds the result of one run."""
        self.runs += 1
        if found := list(defects):
            self.defects.append(f"{self.what}, seed {seed}: {'; '.join(found)}")


def options(description: str | None, count: int) -> argparse.ArgumentParser:
    """Returns a parser with the options of every script.

    Args:
        description: the docstring of the script. Its first line says what the script does.
        count: the default number of runs.
    """
    parser = argparse.ArgumentParser(description=str(description).partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first run")
    parser.add_argument("--count", type=int, default=count, help="the number of runs of each kind")
    parser.add_argument(
        "--minutes", type=float, help="start no further run after this time; kinds share it evenly"
    )
    parser.add_argument(
        "--only", default="", help="run only the kinds whose name contains this text"
    )
    return parser


def part(arguments: argparse.Namespace, kinds: int) -> float | None:
    """Returns the minutes for one of the given number of kinds, or None if there is no limit."""
    return None if arguments.minutes is None else arguments.minutes / kinds


def seeds(first: int, count: int, minutes: float | None = None) -> Iterator[int]:
    """Yields the seed of each run, until the time is over. There is always a first run."""
    end = None if minutes is None else time.monotonic() + 60 * minutes
    for number in range(first, first + count):
        if end is not None and number > first and time.monotonic() > end:
            return
        yield number


def batches(first: int, count: int, minutes: float | None, *, size: int) -> Iterator[range]:
    """Yields the seeds of runs that share one emulator, until the time is over."""
    for number in seeds(0, -(-count // size), minutes):
        start = first + number * size
        yield range(start, min(start + size, first + count))


def report(title: str, rows: Sequence[Row], seed: int) -> int:
    """Prints a table of runs, survived runs and defects. Returns the exit code."""
    print(f"\n{title}, seed {seed}, {datetime.now(UTC):%Y-%m-%d}\n")
    print("| what | runs | survived | defects | of these |\n|---|---|---|---|---|")
    for row in rows:
        notes = ", ".join(f"{number} {what}" for what, number in sorted(row.notes.items()))
        survived, defects = row.runs - len(row.defects), len(row.defects)
        print(f"| {row.what} | {row.runs} | {survived} | {defects} | {notes} |")
    for row in rows:
        for defect in row.defects:
            print(f"defect: {defect}")
    sys.stdout.flush()
    return 1 if any(row.defects for row in rows) else 0
