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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.measuring import ENVSYNC, ROUNDS, Command, in_turn, once
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


def compare(sources: list[Path], arguments: tuple[str, ...], directory: Path) -> float:
    """Returns the median of the second source divided by the median of the first, in CPU time.

    CPU time is compared, because other processes of the machine change it less than wall time.
    """
    commands = [
        Command((*ENVSYNC, *arguments), directory, {"PYTHONPATH": str(source)})
        for source in sources
    ]
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
        small, large = (write_project(Path(scratch) / str(count), count) for count in (20, 1_000))
        for directory in (small, large):
            commit_all(directory)
            apply = (*ENVSYNC, "-q", "apply", "--yes", "--no-verify")
            once(Command(apply, directory, {"PYTHONPATH": str(sources[0])}))
        for arguments, directory in (
            (("--help",), small),
            (("-q", "validate"), small),
            (("-q", "check"), small),
            (("-q", "validate"), large),
            (("plan",), large),
        ):
            what = f"{' '.join(arguments)} ({directory.name} environments)"
            found = compare(sources, arguments, directory)
            if found > LIMIT:
                found = min(found, compare(sources, arguments, directory))
            print(f"{what:<40} {found:5.2f}x", flush=True)
            if found > LIMIT:
                slower.append(what)
    if slower:
        print(f"Slower than {options.base} by more than 15 %: {', '.join(slower)}", file=sys.stderr)
    return int(bool(slower))


if __name__ == "__main__":
    sys.exit(main())
