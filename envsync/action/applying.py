"""`apply`: carries out a plan, if it is the approved one, and tells what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envsync.action.process import Finished, envsync
from envsync.action.report import Text, applied_report, refused_report
from envsync.action.results import (
    PLAIN,
    Result,
    no_plan,
    plan_file,
    prefix,
    read_json,
    target_option,
)
from envsync.cli.files import write_file
from envsync.plan.outcome import Outcome, outcomes_from_json
from envsync.plan.plan import Plan
from envsync.render.annotations import plan_github
from envsync.render.outcomes import applied_text, outcome_text
from envsync.render.plan_text import plan_text, summary_text

if TYPE_CHECKING:
    from envsync.action.approval import Approval
    from envsync.action.inputs import Inputs


def apply(inputs: Inputs, directory: Path, temporary: Path, approval: Approval | None) -> Result:
    """Applies the plan of a project, or says why not."""
    approve = () if approval is None else (f"--approve={approval.digest}",)
    options = (*target_option(inputs), "--yes", *approve, "--format", "json")
    done = envsync(directory, "apply", *options, *inputs.args)
    data = read_json(done)
    if data is None:
        return no_plan(done, directory)
    made = Plan.from_json(data["plan"])
    outcomes = outcomes_from_json(data["outcomes"], made)
    file = plan_file(temporary)
    write_file(file, json.dumps(data["plan"], indent=2, ensure_ascii=False) + "\n")
    return Result(
        code=done.code,
        summary=summary_text(made, PLAIN),
        text=_text(made, outcomes, data["verified"], done, approval),
        log=f"{plan_text(made)}\n{_told(outcomes)}{done.err}",
        annotations=plan_github(made, prefix(directory)),
        plan=made,
        plan_file=file,
    )


def _text(
    made: Plan,
    outcomes: Sequence[Outcome],
    verified: bool | None,
    done: Finished,
    approval: Approval | None,
) -> Text:
    if done.code == 0 or outcomes:
        return applied_report(made, outcomes, verified)
    if approval is not None and approval.digest != made.digest:
        return refused_report("The plan is not the approved one any more.", made, approval)
    reason = done.err.strip().rpartition("\n")[2].removeprefix("Error: ")
    return refused_report(reason, made, None)


def _told(outcomes: Sequence[Outcome]) -> str:
    lines = [outcome_text(outcome, PLAIN) for outcome in outcomes]
    return "\n".join([*lines, applied_text(outcomes, None, PLAIN)]) if outcomes else ""
