"""`Result`: what a command came to. `validate`, `check` and `plan`, which only read."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from envsync.action.process import Finished, envsync
from envsync.action.report import Text, failure_report, problems_report
from envsync.cli.files import read_plan
from envsync.cli.problems import below_repository
from envsync.model.problem import Problem
from envsync.project.settings.config import find_config
from envsync.render.annotations import plan_github, problems_github
from envsync.render.paint import painter
from envsync.render.plan_markdown import plan_markdown
from envsync.render.plan_text import summary_text
from envsync.render.problems import problems_summary, problems_text

if TYPE_CHECKING:
    from envsync.action.inputs import Inputs
    from envsync.plan.plan import Plan

PLAIN: Final = painter(False)
"""Colours make nothing clearer in a log that GitHub colours itself."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to.

    Attributes:
        code: the exit code of the command line.
        summary: one line.
        text: for people on GitHub.
        log: for the log.
        annotations: workflow commands, a line each.
        plan: None where none was made.
        plan_file: where it was saved.
        matrix: the targets as a matrix of jobs; empty where they are not known.
        worth_a_comment: whether it is said on a pull request that nothing was said on yet.
    """

    code: int
    summary: str
    text: Text
    log: str
    annotations: str = ""
    plan: Plan | None = None
    plan_file: Path | None = None
    matrix: str = ""
    worth_a_comment: bool = True

    def outputs(self) -> dict[str, str]:
        """The outputs of `action.yml`."""
        values = {"summary": self.summary, "matrix": self.matrix}
        if self.plan is not None:
            values |= {
                "has-changes": str(bool(self.plan.changes)).lower(),
                "digest": self.plan.digest,
                "plan-file": str(self.plan_file),
                **{name: str(count) for name, count in self.plan.summary.items()},
            }
        return values


def look(inputs: Inputs, directory: Path) -> Result:
    """`validate` and `check`: what is wrong in files.

    `validate` tells the jobs that follow which targets there are, too.
    """
    done = envsync(directory, inputs.command, "--format", "json", *inputs.args)
    result = _checked(done, directory)
    if inputs.command == "check":
        return result
    targets = envsync(directory, "targets", "--format", "matrix")
    return replace(result, matrix=targets.out.strip())


def plan(inputs: Inputs, directory: Path, temporary: Path) -> Result:
    """`plan`: what an apply would do, or why nobody can tell."""
    file = plan_file(temporary)
    done = envsync(directory, "plan", *target_option(inputs), "--out", str(file), *inputs.args)
    if not file.exists():
        return no_plan(done, directory)
    made = read_plan(file)
    return Result(
        code=done.code,
        summary=summary_text(made, PLAIN),
        text=lambda limit: plan_markdown(made, limit=limit),
        log=done.err + done.out,
        annotations=plan_github(made, prefix(directory)),
        plan=made,
        plan_file=file,
    )


def no_plan(done: Finished, directory: Path) -> Result:
    """Why there is no plan: the problems of the files where they are it, else what was said."""
    checked = _checked(envsync(directory, "validate", "--format", "json"), directory)
    return replace(checked, log=done.err) if checked.code else failed(done)


def failed(done: Finished) -> Result:
    """A command that gave up: what it said."""
    said = done.err.strip() or done.out.strip()
    summary = f"envsync ended with exit code {done.code} and no result."
    return Result(done.code or 1, summary, failure_report(summary, said), said)


def read_json(done: Finished) -> Any:
    """What a command printed as JSON; None where it printed none."""
    try:
        return json.loads(done.out)
    except ValueError:
        return None


def target_option(inputs: Inputs) -> tuple[str, ...]:
    """The target as the command line takes it."""
    return (f"--target={inputs.target}",) if inputs.target else ()


def plan_file(temporary: Path) -> Path:
    """Where to save a plan for the steps that follow."""
    return Path(tempfile.mkdtemp(prefix="envsync-", dir=temporary)) / "plan.json"


def prefix(directory: Path) -> str:
    """The project directory as annotations name it, relative to the repository's root."""
    config = find_config(directory)
    return below_repository((config.parent if config else directory).absolute())


def _checked(done: Finished, directory: Path) -> Result:
    data = read_json(done)
    if data is None:
        return failed(done)
    problems = [Problem.from_json(item) for item in data["problems"]]
    summary = problems_summary(problems, data["files"], PLAIN)
    return Result(
        code=done.code,
        summary=summary,
        text=problems_report(summary, problems),
        log=f"{done.err}{problems_text(problems, PLAIN)}{summary}",
        annotations=problems_github(problems, prefix(directory)),
        worth_a_comment=done.code != 0,
    )
