"""`validate` and `check`: report problems in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.action.command_line import Completed, envsync
from envsync.action.markdown import problems_markdown
from envsync.action.result import PLAIN, Result, failure
from envsync.cli.problems import below_repository
from envsync.cli.targets import NO_SHARED_TARGET
from envsync.model.problem import Problem
from envsync.project.settings.file import find_config
from envsync.render.annotations import problems_github
from envsync.render.problems import problems_summary, problems_text

if TYPE_CHECKING:
    from envsync.action.inputs import Inputs


def validate(inputs: Inputs, directory: Path) -> Result:
    """Runs `validate`. The result also contains the targets, as a matrix for later jobs.

    If there are no targets, the matrix is an empty text. GitHub rejects a matrix without targets,
    but a workflow can test for an empty text.
    """
    result = check(inputs, directory)
    targets = envsync(directory, "targets", "--format", "matrix")
    data = targets.json()
    if not data:
        return result
    if not data["target"]:
        return replace(result, notice=NO_SHARED_TARGET)
    return replace(result, matrix=targets.stdout.strip())


def check(inputs: Inputs, directory: Path) -> Result:
    """Runs `check` or `validate`. Both commands print JSON in the same format."""
    completed = envsync(directory, inputs.command, "--format", "json", *inputs.args)
    return problems_result(completed, directory)


def problems_result(completed: Completed, directory: Path) -> Result:
    """Returns a result that shows the problems that a command printed as JSON.

    Args:
        completed: the finished command.
        directory: the working directory of the command.
    """
    data = completed.json()
    if data is None:
        return failure(completed)
    problems = [Problem.from_json(item) for item in data["problems"]]
    summary = problems_summary(problems, data["files"], PLAIN)
    return Result(
        code=completed.code,
        summary=summary,
        markdown=problems_markdown(summary, problems),
        log=f"{completed.stderr}{problems_text(problems, PLAIN)}{summary}",
        annotations=problems_github(problems, annotation_prefix(directory)),
        starts_comment=completed.code != 0,
    )


def annotation_prefix(directory: Path) -> str:
    """Returns the project directory relative to the repository's root.

    GitHub resolves paths in annotations from the repository's root. Paths in problems are relative
    to the directory of `envsync.yaml`.
    """
    config = find_config(directory)
    return below_repository((config.parent if config else directory).absolute())
