"""Compares two commits: `python -m benchmarks.guard [BASE] [HEAD]`.

The commands of both commits run in turn on the same files. The guard fails if the median of the
newer commit is more than 15 % above the median of the older one. On a shared machine, one such
result can be chance, so a command that fails is measured a second time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.measuring import ENVSYNC, ROUNDS, Command, first_and_again, in_turn, once
from benchmarks.projects import commit_all, write_project

LIMIT = 1.15
"""The ratio of two medians above which the newer commit is slower."""


@contextmanager
def checkouts(*commits: str) -> Iterator[list[Path]]:
    """Checks commits out into temporary directories."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch) / str(number) for number in range(len(commits))]
        try:
            for path, commit in zip(paths, commits, strict=True):
                command = ["git", "worktree", "add", "--quiet", "--detach", str(path), commit]
                subprocess.run(command, check=True)
            yield paths
        finally:
            for path in paths:
                command = ["git", "worktree", "remove", "--force", str(path)]
                subprocess.run(command, check=False, capture_output=True)


def compare(commands: Sequence[Command]) -> float:
    """Returns the median of the second command divided by the median of the first, in CPU time.

    CPU time is compared, because other processes of the machine change it less than wall time.
    """
    old, new = (
        median(cost.cpu for cost in costs) for costs in in_turn(*commands, rounds=2 * ROUNDS - 1)
    )
    return new / old


def main() -> int:
    """Prints a ratio for each command. Returns 1 if a command became slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", nargs="?", default="HEAD~1", help="the older commit")
    parser.add_argument("head", nargs="?", default="HEAD", help="the newer commit")
    options = parser.parse_args()
    slower = []
    with tempfile.TemporaryDirectory() as scratch, checkouts(options.base, options.head) as sources:
        for what, commands in _pairs(Path(scratch), sources):
            found = compare(commands)
            if found > LIMIT:
                found = min(found, compare(commands))
            print(f"{what:<50} {found:5.2f}x", flush=True)
            if found > LIMIT:
                slower.append(what)
    if slower:
        print(f"Slower than {options.base} by more than 15 %: {', '.join(slower)}", file=sys.stderr)
    return int(bool(slower))


def _pairs(scratch: Path, sources: Sequence[Path]) -> Iterator[tuple[str, Sequence[Command]]]:
    """Yields the name of each command, and the command of each commit in a project of its own."""
    for count, arguments in (
        (20, ("--help",)),
        (20, ("-q", "validate")),
        (20, ("-q", "check")),
        (1_000, ("-q", "validate")),
        (1_000, ("plan",)),
    ):
        commands = []
        for source in sources:
            directory = scratch / source.name / str(count)
            variables = {"PYTHONPATH": str(source)}
            if not directory.exists():
                commit_all(write_project(directory, count))
                apply = (*ENVSYNC, "-q", "apply", "--yes", "--no-verify")
                once(Command(apply, directory, variables))
            commands.append(Command((*ENVSYNC, *arguments), directory, variables))
        what = f"{' '.join(arguments)} ({count} environments"
        if count == 20:
            yield f"{what})", commands
            continue
        for old, new in zip(*map(first_and_again, commands), strict=True):
            yield f"{what}, {old[0]})", [old[1], new[1]]


if __name__ == "__main__":
    sys.exit(main())
