"""`plan`: shows what an apply would change, or why no plan can be made."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.action.command_line import Completed, envsync
from envsync.action.commands.validate import annotation_prefix, problems_result
from envsync.action.result import PLAIN, Result, failure
from envsync.cli.files import read_plan
from envsync.render.annotations import plan_github
from envsync.render.plan_markdown import plan_body
from envsync.render.plan_text import summary_text

if TYPE_CHECKING:
    from envsync.action.inputs import Inputs


def plan(inputs: Inputs, directory: Path, temporary: Path) -> Result:
    """Runs `plan`.

    Args:
        inputs: the target and further arguments.
        directory: the working directory.
        temporary: the directory in which the plan is saved for later steps.
    """
    file = new_plan_file(temporary)
    options = (*target_option(inputs), "--out", str(file))
    completed = envsync(directory, "plan", *options, *inputs.args)
    # Check whether the plan file exists. The exit code does not show whether envsync made a plan:
    # the exit code is 1 after an error, and also for a plan with rejections.
    if not file.exists():
        return no_plan(completed, directory)
    planned = read_plan(file)
    return Result(
        code=completed.code,
        summary=summary_text(planned, PLAIN),
        markdown=lambda limit: plan_body(planned, limit=limit),
        log=completed.stderr + completed.stdout,
        annotations=plan_github(planned, annotation_prefix(directory)),
        plan=planned,
        plan_file=file,
    )


def no_plan(completed: Completed, directory: Path) -> Result:
    """Returns the result of a command that could not make a plan.

    The result shows the problems that `validate` finds. If `validate` finds no errors, the result
    shows the error message of the command.

    Args:
        completed: the finished `plan` or `apply`.
        directory: the working directory of the command.
    """
    # Run `validate`, because neither `plan` nor `apply` prints problems in files as JSON.
    validated = envsync(directory, "validate", "--format", "json")
    problems = problems_result(validated, directory)
    return replace(problems, log=completed.stderr) if problems.code else failure(completed)


def target_option(inputs: Inputs) -> tuple[str, ...]:
    """Returns the option that selects the target, or no option for the default target."""
    return (f"--target={inputs.target}",) if inputs.target else ()


def new_plan_file(temporary: Path) -> Path:
    """Returns the path of a plan file in a new directory.

    Several steps of a job can save plans, so each plan file needs a directory of its own.
    """
    return Path(tempfile.mkdtemp(prefix="envsync-", dir=temporary)) / "plan.json"
