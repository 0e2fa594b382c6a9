"""`apply`: applies the current plan if it is approved, and reports the outcome of each change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.action.command_line import Completed, envsync
from envsync.action.commands.plan import new_plan_file, no_plan, target_option
from envsync.action.commands.validate import annotation_prefix
from envsync.action.markdown import Markdown, applied_markdown, refused_markdown
from envsync.action.result import PLAIN, Result
from envsync.cli.files import write_file
from envsync.plan.outcome import Outcome, outcomes_from_json
from envsync.plan.plan import Plan
from envsync.render.annotations import plan_github
from envsync.render.outcomes import applied_text, outcome_column, outcome_text
from envsync.render.plan_text import plan_text, summary_text

if TYPE_CHECKING:
    from envsync.action.approval import Approval
    from envsync.action.inputs import Inputs


def apply(inputs: Inputs, directory: Path, temporary: Path, approval: Approval | None) -> Result:
    """Runs `apply`.

    Args:
        inputs: the target and further arguments.
        directory: the working directory.
        temporary: the directory in which the plan is saved for later steps.
        approval: the reviewed plan. If the current plan differs from the reviewed plan, nothing is
            applied. If `approval` is None, the current plan needs no approval.
    """
    # The plan on the pull request can be stale. envsync plans again and compares the digests.
    approve = () if approval is None else (f"--approve={approval.digest}",)
    # `--yes` is necessary, because nobody can confirm a plan in a workflow. The review of the plan
    # replaces the confirmation.
    options = (*target_option(inputs), "--yes", *approve, "--format", "json")
    completed = envsync(directory, "apply", *options, *inputs.args)
    data = completed.json()
    if data is None:
        return no_plan(completed, directory)
    planned = Plan.from_json(data["plan"])
    outcomes = outcomes_from_json(data["outcomes"], planned)
    file = new_plan_file(temporary)
    write_file(file, json.dumps(data["plan"], indent=2, ensure_ascii=False) + "\n")
    # If a change failed, the exit code is not 0. envsync prints outcomes in this case as well.
    if completed.code == 0 or outcomes:
        markdown = applied_markdown(planned, outcomes, data["verified"])
    else:
        markdown = _refusal(planned, completed, approval)
    return Result(
        code=completed.code,
        summary=summary_text(planned, PLAIN),
        markdown=markdown,
        log=f"{plan_text(planned)}\n{_outcomes_text(outcomes)}{completed.stderr}",
        annotations=plan_github(planned, annotation_prefix(directory)),
        plan=planned,
        plan_file=file,
    )


def _refusal(planned: Plan, completed: Completed, approval: Approval | None) -> Markdown:
    if approval is not None and approval.digest != planned.digest:
        return refused_markdown("The plan differs from the approved plan.", planned, approval)
    reason = completed.stderr.strip().rpartition("\n")[2].removeprefix("Error: ")
    return refused_markdown(reason, planned, None)


def _outcomes_text(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    column = outcome_column(item.change for item in outcomes)
    lines = [outcome_text(outcome, PLAIN, column) for outcome in outcomes]
    return "\n".join([*lines, "", applied_text(outcomes, None, PLAIN)])
