"""`apply`: applies the current plan if it is approved, and reports the outcome of each change."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from envsync.action.apply_markdown import applied_markdown, nothing_markdown, refused_markdown
from envsync.action.command_line import Completed, envsync
from envsync.action.commands.plan import new_plan_file, no_plan, target_option
from envsync.action.commands.validate import annotation_prefix
from envsync.action.result import PLAIN, Result
from envsync.cli.files import write_file
from envsync.model.wording import printable
from envsync.plan.outcome import Outcome, outcomes_from_json
from envsync.plan.plan import Plan
from envsync.render.annotations import plan_github
from envsync.render.outcomes import applied_text, outcome_column, outcome_text
from envsync.render.plan_text import plan_text, summary_text

if TYPE_CHECKING:
    from envsync.action.approval import Approval
    from envsync.action.inputs import Inputs


class _Applied(Struct, frozen=True):
    """The output of one run of `envsync apply`.

    Attributes:
        completed: the finished process.
        plan: the plan that envsync made.
        outcomes: the outcomes of the changes; empty if nothing was applied.
        verified: whether the target shows every change; None if the target was not read again.
    """

    completed: Completed
    plan: Plan
    outcomes: Sequence[Outcome]
    verified: bool | None

    @property
    def is_stopped(self) -> bool:
        """True if envsync made a plan and applied no change."""
        # After a failed change, the exit code is not 0 either, but there are outcomes.
        return self.completed.code != 0 and not self.outcomes


def apply(
    inputs: Inputs,
    directory: Path,
    temporary: Path,
    *,
    approval: Approval | None,
    workflow: str = "envsync-apply.yml",
) -> Result:
    """Runs `apply`.

    Args:
        inputs: the target and further arguments.
        directory: the working directory.
        temporary: the directory in which the plan is saved for later steps.
        approval: the reviewed plan. If the current plan has a change that is not in the reviewed
            plan, nothing is applied. If `approval` is None, the current plan needs no approval.
        workflow: the file name of a workflow that can be started with the digest of a plan.
    """
    # The plan on the pull request can be stale. envsync plans again and compares the digests.
    completed = _run(inputs, directory, approval.digest if approval else None)
    applied = _read(completed)
    if applied and applied.is_stopped and approval and _is_left(applied.plan, approval):
        # An earlier run has made some of the approved changes. The current plan was compared with
        # the approval. Pass its digest, so that envsync refuses a plan with a different digest.
        completed = _run(inputs, directory, applied.plan.digest)
        applied = _read(completed)
    if applied is None:
        return no_plan(completed, directory)
    plan, outcomes = applied.plan, applied.outcomes
    file = new_plan_file(temporary)
    write_file(file, json.dumps(plan.to_json(), indent=2, ensure_ascii=False) + "\n")
    result = Result(
        code=completed.code,
        summary=summary_text(plan, PLAIN),
        markdown=nothing_markdown(plan),
        log=f"{plan_text(plan)}\n{_outcomes_text(outcomes)}{completed.stderr}",
        annotations=plan_github(plan, annotation_prefix(directory)),
        plan=plan,
        plan_file=file,
        # An empty plan changes nothing, so the pull request needs no comment.
        starts_comment=not plan.is_empty,
    )
    if applied.is_stopped:
        return _stopped(result, applied, inputs, approval, workflow)
    if plan.is_empty:
        return replace(result, notice=f"Nothing to do in {plan.target.name}. {result.summary}")
    markdown = applied_markdown(plan, outcomes, applied.verified, approval)
    return replace(result, markdown=markdown)


def _run(inputs: Inputs, directory: Path, digest: str | None) -> Completed:
    approve = () if digest is None else (f"--approve={digest}",)
    # `--yes` is necessary, because nobody can confirm a plan in a workflow. The review of the plan
    # replaces the confirmation.
    options = (*target_option(inputs), "--yes", *approve, "--format", "json")
    return envsync(directory, "apply", *options, *inputs.args)


def _read(completed: Completed) -> _Applied | None:
    data = completed.json()
    if data is None:
        return None
    plan = Plan.from_json(data["plan"])
    return _Applied(completed, plan, outcomes_from_json(data["outcomes"], plan), data["verified"])


def _is_left(plan: Plan, approval: Approval) -> bool:
    """Returns True if the plan contains some, but not all, of the approved changes."""
    return (
        bool(approval.changes and plan.changes)
        and plan.digest != approval.digest
        and plan.is_left_of((approval.changes or {}).values())
    )


def _stopped(
    result: Result,
    applied: _Applied,
    inputs: Inputs,
    approval: Approval | None,
    workflow: str,
) -> Result:
    """Extends a result with the reason why nothing was applied, and with the next step."""
    plan = applied.plan
    if plan.rejections and not ("--skip-rejected" in inputs.args and plan.applicable):
        # Running the workflow again with the digest would not help: the rejections would remain.
        markdown = refused_markdown(_rejected(plan), plan, None)
        return replace(result, markdown=markdown, log=f"{result.log}\n{_rejected(plan)}")
    is_approved = approval is None or approval.digest == plan.digest or _is_left(plan, approval)
    if approval is not None and not is_approved:
        reason = approval.refusal or "The plan differs from the approved plan."
    elif plan.refused:
        reason = plan.refused
    else:
        last = applied.completed.stderr.strip().rpartition("\n")[2]
        reason = last.removeprefix("Error: ")
    command = "" if approval is None else _command(plan, workflow)
    again = f" Review the plan. To apply it, run: {command}" if command else ""
    return replace(
        result,
        markdown=refused_markdown(reason, plan, None if is_approved else approval, command=command),
        log=f"{result.log}\n{reason}{again}",
        error=f"Nothing was applied to {plan.target.name}. {reason} "
        f"The plan has the digest {plan.digest}.{again}",
    )


def _rejected(plan: Plan) -> str:
    """Returns text that says how many rejections a plan has, and how to correct the files."""
    count = len(plan.rejections)
    text = f"The plan has {count} rejection{'' if count == 1 else 's'}, so nothing can be applied."
    fixes = dict.fromkeys(
        item.fix for item in plan.rejections if item.fix.startswith("envsync bump ")
    )
    if not fixes:
        return f"{text} Correct the files in another pull request."
    # One `envsync bump` command can bump several names, but a fix with `--version` needs a separate
    # command.
    plain = {shlex.join(["envsync", "bump", item.name]): item.name for item in plan.rejections}
    names = [plain[fix] for fix in fixes if fix in plain]
    commands = [shlex.join(["envsync", "bump", *names])] if names else []
    commands += [fix for fix in fixes if fix not in plain]
    shown = " and ".join(f"`{printable(command)}`" for command in commands)
    return f"{text} In another pull request, run {shown} and commit the result."


def _command(plan: Plan, workflow: str) -> str:
    """Returns the command that starts the workflow with the digest of a plan."""
    fields = [f"target={plan.target.name}", f"digest={plan.digest}"]
    if plan.refused:
        fields.append("allow-mass-archive=true")
    options = [word for field in fields for word in ("-f", field)]
    return printable(shlex.join(["gh", "workflow", "run", workflow, *options]))


def _outcomes_text(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    column = outcome_column(item.change for item in outcomes)
    lines = [outcome_text(outcome, PLAIN, column) for outcome in outcomes]
    return "\n".join([*lines, "", applied_text(outcomes, None, PLAIN)])
