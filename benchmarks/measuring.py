"""Measures commands in turn: on a shared machine, only ratios of times are comparable."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Literal

ENVSYNC = (sys.executable, "-m", "envsync")
ROUNDS = 5
"""The least number of runs of each command. A median of fewer runs depends on chance."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a benchmark.

    Attributes:
        arguments: the program and its arguments.
        directory: the working directory.
        variables: environment variables, in addition to those of this process.
        prepare: called before each run. Its time is not measured.
        codes: the exit codes of a successful run.
    """

    arguments: Sequence[str]
    directory: Path
    variables: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[], object] | None = None
    codes: tuple[int, ...] = (0,)


def first_and_again(command: Command) -> Iterator[tuple[str, Command]]:
    """Yields a command in two ways, each with its name in the table.

    The first run finds nothing that an earlier command has read. The second run finds everything,
    as the next command of a user does.
    """

    def forget() -> None:
        (command.directory / ".envsync" / "reads").unlink(missing_ok=True)

    yield "first run", replace(command, prepare=forget)
    yield "again", command


@dataclass(frozen=True, slots=True)
class Cost:
    """The time and the memory of one run of a command.

    Attributes:
        wall: seconds from the start of the process to its end.
        cpu: seconds of CPU of the process and of its own processes.
        memory: the largest resident memory of one process, in MB.
    """

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: a figure of envsync, and what it is compared with.

    Attributes:
        what: what envsync does.
        against: what the figure is compared with.
        figure: the measured ratio, or the measured number if there is nothing to compare.
        goal: the limit of the figure. None if the row only explains another row.
        at_least: True if the figure should be larger than the goal.
        unit: the unit of the figure: `x` for a ratio.
        detail: the two medians behind a ratio.
    """

    what: str
    against: str
    figure: float
    goal: float | None
    at_least: bool = False
    unit: str = "x"
    detail: str = ""

    @property
    def is_met(self) -> bool:
        """True if the row has no goal, or its figure meets the goal."""
        if self.goal is None:
            return True
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal

    def as_markdown(self) -> str:
        """Returns the row of a Markdown table. Its header is `HEADER`."""
        sign = "≥" if self.at_least else "≤"
        goal = "" if self.goal is None else f"{sign} {self.goal:g}{_space(self.unit)}"
        met = "" if self.goal is None else "yes" if self.is_met else "**no**"
        figure = f"{self.figure:.2f}{_space(self.unit)}"
        return f"| {self.what} | {self.against} | {figure} | {goal} | {met} | {self.detail} |"


HEADER = "| what | against | figure | goal | met | medians |\n|---|---|---|---|---|---|"


def _space(unit: str) -> str:
    return unit if unit == "x" else f" {unit}"


def once(command: Command) -> Cost:
    """Runs a command once.

    Raises:
        RuntimeError: the exit code is not one of `command.codes`.
    """
    if command.prepare is not None:
        command.prepare()
    environment = {**os.environ, **command.variables}
    # Python would compile every module again in each run, and the measuring of coverage is slow.
    for name in ("PYTHONDONTWRITEBYTECODE", "COVERAGE_PROCESS_START"):
        environment.pop(name, None)
    start = time.perf_counter()
    with subprocess.Popen(
        command.arguments,
        cwd=command.directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
        # `wait4` reports this process alone, and the processes that it waited for.
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in command.codes:
        raise RuntimeError(
            f"{' '.join(command.arguments)} in {command.directory}: exit code "
            f"{process.returncode}: {errors.decode(errors='replace')[-2000:]}"
        )
    return Cost(wall, _cpu(used), used.ru_maxrss / 1024)


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def in_turn(*commands: Command, rounds: int = ROUNDS) -> list[list[Cost]]:
    """Runs commands in turn, so that a busy minute of the machine affects all of them.

    Each command runs once before, so that no run reads files from the disk or compiles modules.

    Returns:
        The costs of each command.
    """
    found: list[list[Cost]] = [[] for _ in commands]
    for command in commands:
        once(command)
    for _ in range(rounds):
        for command, costs in zip(commands, found, strict=True):
            costs.append(once(command))
    return found


def ratio(
    what: str,
    against: str,
    commands: tuple[Command, Command],
    *,
    goal: float | None,
    at_least: bool = False,
    rounds: int = ROUNDS,
    of: Literal["wall", "cpu"] = "wall",
) -> Row:
    """Measures two commands in turn, and returns the ratio of their medians.

    Args:
        what: what envsync does.
        against: what the other command does.
        commands: the command of envsync, and the other command.
        goal: see `Row`.
        at_least: True if envsync should be faster by a factor: the ratio is the median of the other
            command divided by the median of envsync. If False, the ratio is the other way round.
        rounds: the runs of each command.
        of: the cost that is compared.
    """
    ours, theirs = (
        median(getattr(cost, of) for cost in costs) for costs in in_turn(*commands, rounds=rounds)
    )
    figure = theirs / ours if at_least else ours / theirs
    detail = f"{ours:.3f} s, {theirs:.3f} s"
    return Row(what, against, figure, goal, at_least=at_least, detail=detail)
