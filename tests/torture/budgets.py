"""Measures the CPU time and the memory that commands need for hostile inputs.

Each input is smaller than a megabyte. The budget of a command is one second of CPU time more than
the same command needs for an empty project, and 200 MB of memory. A command that exceeds the budget
runs up to three times, each time together with the empty project, and only its fastest run is
compared with the budget, because the speed of a busy machine changes by the minute.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from tests.hostile import HostileInput, credentials, others, references, states
from tests.hostile_inputs import BASE, INPUTS, SETTINGS, write_files

CPU_SECONDS: Final = 1.0
MEGABYTES: Final = 200
_LIMIT_SECONDS: Final = 12
_MODULES: Final = (references, credentials, states, others)
_COMMANDS: Final = (("validate",), ("plan",))
_CODES: Final = (0, 1, 64)


_MEASURED: Final = """
import os, sys
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                         file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, used = os.wait4(process, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
"""Runs a command with its output on standard error, and prints what the command used."""


class Run(NamedTuple):
    """What one command used, and how it ended."""

    seconds: float
    megabytes: float
    code: int
    output: str

    @property
    def is_bad(self) -> bool:
        """True if the command exceeded the budget, or ended in a traceback or a signal."""
        return (
            self.seconds > CPU_SECONDS
            or self.megabytes > MEGABYTES
            or self.code not in _CODES
            or "Traceback" in self.output
        )


@dataclass
class Group:
    """One row of the table: the inputs whose titles start with the same word."""

    inputs: int = 0
    runs: int = 0
    over: int = 0
    slowest: float = 0.0
    largest: float = 0.0


def run(root: Path, *arguments: str, limit: int = _LIMIT_SECONDS) -> Run:
    """Runs envsync, and ends it after a number of seconds of CPU time."""
    command = (sys.executable, "-m", "envsync", "-C", str(root), *arguments)
    with tempfile.TemporaryFile() as output:
        started = subprocess.run(
            [
                *("sh", "-c", f'ulimit -t {limit}; exec "$@"', "sh"),
                # The memory of a process includes that of the process that starts it, so a small
                # process starts envsync, and reports what envsync used.
                *(sys.executable, "-I", "-S", "-c", _MEASURED, *command),
            ],
            stdout=subprocess.PIPE,
            stderr=output,
            stdin=subprocess.DEVNULL,
            check=True,
        )
        output.seek(0)
        text = output.read().decode(errors="replace")
    seconds, kilobytes, code = started.stdout.split()
    return Run(float(seconds), int(kilobytes) / 1024, int(code), text)


def measure(item: HostileInput, arguments: tuple[str, ...], tries: int) -> Run:
    """Returns the fastest of up to three runs, without the time that an empty project needs."""
    best: Run | None = None
    for _ in range(tries):
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            item.write(root)
            if not (root / "envsync.yaml").exists():
                (root / "envsync.yaml").write_text(SETTINGS)
            used = run(root, *arguments)
        if used.seconds > CPU_SECONDS:
            with tempfile.TemporaryDirectory() as directory:
                write_files(Path(directory), {"environments/e.yml": BASE, "envsync.yaml": SETTINGS})
                used = used._replace(
                    seconds=used.seconds - run(Path(directory), arguments[0]).seconds
                )
        best = used if best is None else min(best, used)
        if not best.is_bad:
            break
    assert best is not None
    return best


def main() -> int:
    """Runs every input. Returns 1 if an input exceeds the budget, or ends in a traceback."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--only", default="", help="only the inputs whose title contains this text")
    parser.add_argument("--tries", type=int, default=3, help="the number of runs of a slow command")
    for name in ("--seed", "--minutes"):
        parser.add_argument(name, help="not used: the inputs are always the same, and few")
    options = parser.parse_args()
    groups: defaultdict[str, Group] = defaultdict(Group)
    for inputs in (_of_every_command, *(module.inputs for module in _MODULES)):
        for title, item in inputs().items():
            if options.only in title:
                _measure_all(title, item, groups[title.partition(":")[0]], options)
    _report(groups)
    return int(any(group.over for group in groups.values()))


def _of_every_command() -> dict[str, HostileInput]:
    return {title: HostileInput(write, _commands(title)) for title, write in INPUTS.items()}


def _commands(title: str) -> tuple[tuple[str, ...], ...]:
    """Returns the commands for an input. `validate` and `plan` read a file in the same way."""
    if "ignore:" in title:
        return (("plan",),)
    return (("validate",),) if title.startswith(("conda:", "image:")) else _COMMANDS


def _measure_all(title: str, item: HostileInput, group: Group, options: argparse.Namespace) -> None:
    group.inputs += 1
    for arguments in item.commands:
        used = measure(item, arguments, options.tries)
        group.runs += 1
        group.over += used.is_bad
        group.slowest = max(group.slowest, used.seconds)
        group.largest = max(group.largest, used.megabytes)
        if used.is_bad or options.only:
            size = f"{used.seconds:6.2f} s {used.megabytes:5.0f} MB"
            end = f"exit {used.code} {len(used.output):8,} characters"
            mark = "BAD" if used.is_bad else "ok "
            print(mark, size, end, " ".join(arguments)[:100], title, flush=True)
        if used.code not in _CODES:
            print(used.output[-500:])


def _report(groups: dict[str, Group]) -> None:
    print(f"\nHostile input, {datetime.now(UTC):%Y-%m-%d}\n")
    print("| what | inputs | commands | over budget | most CPU time | most memory |")
    print("|---|---|---|---|---|---|")
    for name, group in groups.items():
        print(
            f"| {name} | {group.inputs} | {group.runs} | {group.over} "
            f"| {group.slowest:.2f} s | {group.largest:.0f} MB |"
        )
    over = sum(group.over for group in groups.values())
    runs = sum(group.runs for group in groups.values())
    print(f"\n{runs} commands, {over} over budget.")


if __name__ == "__main__":
    sys.exit(main())
