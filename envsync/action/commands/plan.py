"""`plan`: shows what an apply would change, or why no plan can be made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.action.command_line import Completed, envsync
from envsync.action.commands.validate import annotation_prefix, problems_result
from envsync.action.result import PLAIN, Result, failure
from envsync.cli.files import read_plan
from envsync.model.errors import EnvsyncError
from envsync.model.wording import printable
from envsync.plan.plan import Plan
from envsync.render.annotations import plan_github
from envsync.render.plan_markdown import plan_body
from envsync.render.plan_text import summary_text

if TYPE_CHECKING:
    from envsync.action.inputs import Inputs
    from envsync.plan.change import Rejection


def plan(
    inputs: Inputs, directory: Path, temporary: Path, *, base: Callable[[], str] | None = None
) -> Result:
    """Runs `plan`.

    Args:
        inputs: the target and further arguments.
        directory: the working directory.
        temporary: the directory in which the plan is saved for later steps.
        base: for a pull request, a function that returns the commit to compare the pull request
            with. The changes of the pull request are then shown separately from changes that were
            pending before.
    """
    file = new_plan_file(temporary)
    options = (*target_option(inputs), "--out", str(file))
    completed = envsync(directory, "plan", *options, *inputs.args)
    # Check whether the plan file exists. The exit code does not say whether envsync made a plan:
    # both an error and a plan with rejections have the exit code 1.
    if not file.exists():
        return no_plan(completed, directory)
    planned = read_plan(file)
    own, commit, notice = None, None, ""
    # With `--since` in the arguments, the plan contains only changes of the pull request.
    limited = any(argument.partition("=")[0] == "--since" for argument in inputs.args)
    if base is not None and not planned.is_empty and not limited:
        try:
            commit = base()
            own = _own_names(inputs, directory, commit)
        except EnvsyncError as error:
            notice = (
                "The plan does not show which changes are from the pull request, and which were "
                f"pending before: {error}"
            )
    annotated = planned if commit is None else _without_checked(planned, directory, commit)
    return Result(
        code=completed.code,
        summary=summary_text(planned, PLAIN),
        markdown=lambda limit: plan_body(planned, limit=limit, own=own),
        log=completed.stderr + completed.stdout,
        annotations=plan_github(annotated, annotation_prefix(directory)),
        plan=planned,
        plan_file=file,
        notice=notice,
    )


def _own_names(inputs: Inputs, directory: Path, base: str) -> frozenset[str]:
    """Returns the names of the environments whose files changed since a commit.

    Raises:
        EnvsyncError: git cannot compare the files with the commit, or the target cannot be read.
    """
    options = (*target_option(inputs), "--since", base, "--format", "json")
    completed = envsync(directory, "plan", *options, *inputs.args)
    data = completed.json()
    if data is None:
        raise EnvsyncError(completed.stderr.strip().rpartition("\n")[2].removeprefix("Error: "))
    made_with = Plan.from_json(data).options
    return frozenset((made_with and made_with.names) or ())


def _without_checked(planned: Plan, directory: Path, base: str) -> Plan:
    """Returns the plan without the rejections that `envsync check` finds as well.

    `check` annotates the edited line only once, even if several targets reject the edit.
    """
    if not any(item.code == "immutable" for item in planned.rejections):
        return planned
    checked = envsync(directory, "check", "--base", base, "--format", "json").json() or {}
    messages = [
        item["message"] for item in checked.get("problems", ()) if item["rule"] == "immutable"
    ]

    def is_checked(rejection: Rejection) -> bool:
        return rejection.code == "immutable" and any(
            message.startswith(f"{printable(rejection.address)} ") for message in messages
        )

    kept = tuple(item for item in planned.rejections if not is_checked(item))
    return replace(planned, rejections=kept)


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
