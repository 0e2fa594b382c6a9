"""The commands of which people notice the start: help, and the hooks before each commit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import ENVSYNC, Command, Row, ratio
from benchmarks.projects import commit_all, git, long_history, write_project

# The least that a command of a typer program does: typer imports pydantic to read the arguments.
_SMALLEST = """\
from typing import Annotated
import typer, yaml
app = typer.Typer()
@app.command()
def validate(paths: Annotated[list[str] | None, typer.Argument()] = None, strict: bool = False):
    pass
@app.command()
def other():
    pass
app()
"""


def rows(scratch: Path, rounds: int) -> Iterator[Row]:
    """Yields the rows of this group.

    Args:
        scratch: an empty directory.
        rounds: the runs of each command.
    """
    rounds = max(rounds, 9)  # the commands are short, so chance is larger
    typer = Command((sys.executable, "-c", "import typer"), scratch)
    both = Command((sys.executable, "-c", "import typer, yaml"), scratch)
    for option, goal in (("--version", 1.15), ("--help", 1.3)):
        command = Command((*ENVSYNC, option), scratch)
        name = f"`{option}`"
        yield ratio(name, "`import typer`", (command, typer), goal=goal, rounds=rounds)
    (scratch / "smallest.py").write_text(_SMALLEST)
    smallest = Command((sys.executable, "smallest.py", "validate"), scratch)
    yield ratio(
        "the smallest typer program with two commands",
        "`import typer, yaml`",
        (smallest, both),
        goal=None,
        rounds=rounds,
    )
    libraries = Command((sys.executable, "-c", "import typer, yaml, msgspec"), scratch)
    yield ratio(
        "`import typer, yaml, msgspec`",
        "`import typer, yaml`",
        (libraries, both),
        goal=None,
        rounds=rounds,
    )
    small = write_project(scratch / "small", 20)
    commit_all(small)
    validate = Command((*ENVSYNC, "validate"), small)
    yield ratio(
        "`validate`, 20 files", "`import typer, yaml`", (validate, both), goal=1.5, rounds=rounds
    )
    yield ratio(
        "`validate`, 20 files",
        "the smallest typer program",
        (validate, smallest),
        goal=None,
        rounds=rounds,
    )
    yield ratio(
        "`check`, 20 files of which 3 changed, 5,000 other files, 10,000 commits",
        "`git diff --name-only` and `import typer, yaml`",
        _check(scratch),
        goal=2.5,
        rounds=rounds,
    )


def _check(scratch: Path) -> tuple[Command, Command]:
    directory = scratch / "history"
    directory.mkdir()
    long_history(directory, commits=10_000, files=5_000)
    write_project(directory, 20)
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "Add the environments")
    for number in range(3):
        path = directory / "environments" / f"environment-{number}.yml"
        path.write_text(path.read_text().replace('version: "1"', 'version: "2"'))
    both = f"git diff --name-only HEAD && {sys.executable} -c 'import typer, yaml'"
    return (
        Command((*ENVSYNC, "check"), directory),
        Command(("sh", "-c", both), directory),
    )
