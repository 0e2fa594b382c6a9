"""`Result`: the result of a command, for the log, for reviewers and for later steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from envsync.action.markdown import Markdown, failure_markdown
from envsync.render.paint import painter

if TYPE_CHECKING:
    from envsync.action.command_line import Completed
    from envsync.plan.plan import Plan

PLAIN: Final = painter(False)
"""The painter for the log. It adds no colours, because GitHub colours the log itself."""


class Result(Struct, frozen=True):
    """The exit code of a command, with everything that the step publishes.

    Attributes:
        code: the exit code of the command line.
        summary: one line of plain text.
        markdown: the full result, for comments, issues and the job's summary.
        log: the full result as plain text, for the log.
        annotations: workflow commands, one on each line.
        plan: the plan; None if no plan was made.
        plan_file: the file that the plan was saved to.
        matrix: the targets as the JSON matrix of a job; empty if they are unknown.
        starts_comment: whether to write a new comment if the pull request has no comment yet. An
            existing comment is always updated.
        error: the message of an error about the whole step; empty if there is none.
        has_changes: whether files were changed, for `lock` and `update`; None for other commands.
        pull_request: the URL of the pull request with the changes; empty if there is none.
        notice: the message of a notice about the whole step; empty if there is none.
    """

    code: int
    summary: str
    markdown: Markdown
    log: str
    annotations: str = ""
    plan: Plan | None = None
    plan_file: Path | None = None
    matrix: str = ""
    starts_comment: bool = True
    error: str = ""
    has_changes: bool | None = None
    pull_request: str = ""
    notice: str = ""

    def outputs(self) -> dict[str, str]:
        """Returns the values for the outputs of `action.yml`, by name."""
        values = {
            "summary": self.summary,
            "matrix": self.matrix,
            "pull-request": self.pull_request,
        }
        if self.has_changes is not None:
            values["has-changes"] = str(self.has_changes).lower()
        if self.plan is not None:
            values |= {
                "has-changes": str(bool(self.plan.changes)).lower(),
                "digest": self.plan.digest,
                "plan-file": str(self.plan_file),
                **{name: str(count) for name, count in self.plan.summary.items()},
            }
        return values


def failure(completed: Completed) -> Result:
    """Returns a result with the error message of a command that printed no JSON and no plan."""
    message = completed.stderr.strip() or completed.stdout.strip()
    summary = f"envsync ended with exit code {completed.code} and no result."
    return Result(
        # A successful command always prints a result, so exit code 0 without a result is also a
        # failure.
        code=completed.code or 1,
        summary=summary,
        markdown=failure_markdown(summary, message),
        log=message,
    )
