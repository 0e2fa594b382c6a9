"""Reading files: `validate` beside azure-ai-ml, a YAML parser and grep, and `plan` as it grows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.measuring import ENVSYNC, Command, Row, first_and_again, in_turn, ratio
from benchmarks.projects import write_project
from benchmarks.repository import write_repository

_C_PARSER = """
import pathlib, yaml
for path in pathlib.Path("environments").iterdir():
    yaml.compose(path.read_bytes(), yaml.CSafeLoader)
"""
# The least that envsync can take: it imports typer and msgspec, and composes every file.
_FLOOR = "import typer, msgspec" + _C_PARSER
_SDK = """
import pathlib
from azure.ai.ml import load_environment
for path in pathlib.Path("environments").glob("environment-*.yml"):
    load_environment(path)
"""


def rows(scratch: Path, rounds: int) -> Iterator[Row]:
    """Yields the rows of this group.

    Args:
        scratch: an empty directory.
        rounds: the runs of each command.
    """
    thousand = write_project(scratch / "1000", 1_000)
    validate = Command((*ENVSYNC, "-q", "validate"), thousand)
    for against, code, goal, at_least in (
        ("azure-ai-ml `load_environment` of the same files", _SDK, 15, True),
        ("PyYAML's C parser on the same files", _C_PARSER, 1.6, False),
    ):
        other = Command((sys.executable, "-c", code), thousand)
        for which, run in first_and_again(validate):
            yield ratio(
                f"`validate`, 1,000 environments, {which}",
                against,
                (run, other),
                goal=goal,
                at_least=at_least,
                rounds=rounds,
            )
    floor, parser = (
        Command((sys.executable, "-c", code), thousand) for code in (_FLOOR, _C_PARSER)
    )
    yield ratio(
        "the imports of envsync, then PyYAML's C parser, 1,000 environments",
        "PyYAML's C parser on the same files",
        (floor, parser),
        goal=None,
        rounds=rounds,
    )
    public = scratch / "public"
    files = write_repository(public, files=598)
    searched = Command(("grep", "-rl", "environment.schema.json", "."), public)
    first = dict(first_and_again(Command((*ENVSYNC, "validate"), public)))["first run"]
    ours, theirs = in_turn(first, searched, rounds=rounds)
    yield Row(
        f"`validate` of a repository with {files} YAML files and one environment",
        "seconds of CPU; `grep -rl` beside it",
        median(cost.cpu for cost in ours),
        1.5,
        unit="s",
        detail=f"{median(cost.cpu for cost in ours):.3f} s, "
        f"{median(cost.cpu for cost in theirs):.3f} s",
    )
    yield from _growth(scratch, thousand, rounds)


def _growth(scratch: Path, thousand: Path, rounds: int) -> Iterator[Row]:
    large = write_project(scratch / "10000", 10_000)
    for directory in (thousand, large):
        apply = (*ENVSYNC, "-q", "apply", "--yes", "--no-verify")
        in_turn(Command(apply, directory), rounds=0)
    memory = 0.0
    for what, arguments in (("validate", ("-q", "validate")), ("plan", ("plan",))):
        runs = (first_and_again(Command((*ENVSYNC, *arguments), at)) for at in (thousand, large))
        for (which, small), (_, big) in zip(*runs, strict=True):
            few, many = in_turn(small, big, rounds=rounds)
            before, after = (median(cost.wall for cost in costs) for costs in (few, many))
            memory = max(memory, median(cost.memory for cost in many))
            yield Row(
                f"`{what}`, 10,000 environments, {which}",
                "the same, 1,000 environments",
                after / before,
                10.5,
                detail=f"{after:.2f} s, {before:.2f} s",
            )
    yield Row("`plan`, 10,000 environments", "peak memory", memory, 150, unit="MB")
