"""One step of a workflow: reads what is asked, runs the command, and tells everybody who asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from envsync.action import applying, results
from envsync.action.approval import Approval, NotApproved, find_approval, merged_number
from envsync.action.event import Event, read_event
from envsync.action.github import Forbidden, GitHub, GitHubError
from envsync.action.inputs import Inputs, read_inputs
from envsync.action.marker import Marker, fingerprints
from envsync.action.posts import body, keep_comment, keep_issue
from envsync.action.report import failure_report, footer
from envsync.action.results import Result
from envsync.action.runner import MAX_SUMMARY, Runner
from envsync.model.errors import EnvsyncError
from envsync.model.wording import printable

if TYPE_CHECKING:
    from envsync.plan.plan import Plan

_MAX_TITLE: Final = 200


def run(environ: Mapping[str, str]) -> int:
    """Runs the step; its exit code is that of the command line, and 1 or more where it stops."""
    runner = Runner.from_environment(environ)
    try:
        inputs, event = read_inputs(environ), read_event(environ)
        return _Step(inputs, event, runner, _github(environ, inputs, event)).run()
    except EnvsyncError as error:
        runner.notice(str(error), "error")
        return error.exit_code


def _github(environ: Mapping[str, str], inputs: Inputs, event: Event) -> GitHub | None:
    """The API as the token sees it; None without a token."""
    if not inputs.token:
        return None
    api = (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
    graphql = environ.get("GITHUB_GRAPHQL_URL") or f"{api.removesuffix('/v3')}/graphql"
    return GitHub(event.repository, inputs.token, api, graphql)


@dataclass(frozen=True, slots=True)
class _Step:
    inputs: Inputs
    event: Event
    runner: Runner
    github: GitHub | None

    def run(self) -> int:
        """Runs the command and writes its result wherever it was asked for."""
        number: int | None = self.event.number
        try:
            if self.inputs.command == "apply":
                number = self._merged()
            result = self._result(number)
        except (NotApproved, GitHubError) as error:
            result = self._stopped(error)
        self.runner.log(result.log)
        self.runner.command(result.annotations)
        self.runner.output(result.outputs())
        small = footer(self.inputs, self.event)
        self.runner.summarize(result.text(MAX_SUMMARY - len(small.encode())) + small)
        if self.inputs.comment and number is not None:
            self._tell("comment", lambda github: self._comment(github, number, result))
        if self.inputs.issue and (plan := result.plan) is not None:
            self._tell("issue", lambda github: self._issue(github, result, plan))
        return result.code

    def _result(self, number: int | None) -> Result:
        directory = self.runner.workspace / self.inputs.directory
        if self.inputs.command in {"validate", "check"}:
            return results.look(self.inputs, directory)
        if self.inputs.command == "plan":
            return results.plan(self.inputs, directory, self.runner.temporary)
        approval = self._approval(number)
        return applying.apply(self.inputs, directory, self.runner.temporary, approval)

    def _merged(self) -> int | None:
        """The pull request whose merge is applied, where anybody needs to know."""
        needed = self.inputs.approve == "comment"
        if self.github is None or not (needed or self.inputs.comment):
            return None
        try:
            return merged_number(self.github, self.event)
        except GitHubError as error:
            if needed:
                raise
            self.runner.notice(f"There is no comment: {error}", "warning")
            return None

    def _approval(self, number: int | None) -> Approval | None:
        if self.inputs.approve == "none":
            return None
        if self.inputs.approve != "comment":
            return Approval(self.inputs.approve, None)
        if self.github is None:
            raise NotApproved("`approve: comment` needs a `token` that reads pull requests.")
        if number is None:
            raise NotApproved(
                f"{self.event.sha[:12]} on {self.event.branch} was not made by merging a pull "
                "request, so nobody reviewed a plan for it. Review one now, and run this workflow "
                "by hand with its digest as `approve`."
            )
        return find_approval(self.github, number, self._place("plan"))

    def _stopped(self, error: EnvsyncError) -> Result:
        title = f"envsync {self.inputs.command} stopped; nothing was changed."
        self.runner.notice(str(error), "error")
        return Result(error.exit_code, title, failure_report(title, str(error)), str(error))

    def _place(self, kind: str, plan: Plan | None = None) -> Marker:
        place = Marker(kind, self.inputs.directory, self.inputs.target)
        if plan is None:
            return place
        return replace(place, digest=plan.digest, changes=fingerprints(plan))

    def _comment(self, github: GitHub, number: int, result: Result) -> str | None:
        place = self._place(self.inputs.command, result.plan)
        text = body(place, result.text, footer(self.inputs, self.event))
        create = result.worth_a_comment
        return keep_comment(github, number, place, text, create=create)

    def _issue(self, github: GitHub, result: Result, plan: Plan) -> str | None:
        place = self._place("issue", plan)
        text = body(place, result.text, footer(self.inputs, self.event))
        title = f"envsync: {printable(plan.target.name)} is not as declared"
        return keep_issue(github, title[:_MAX_TITLE], place, text, wanted=not plan.is_empty)

    def _tell(self, what: str, write: Callable[[GitHub], str | None]) -> None:
        """Writes on GitHub; where that fails, the summary of the job has it all."""
        if self.github is None:
            self.runner.notice(f"Without a token there is no {what}; the job's summary has it.")
            return
        try:
            url = write(self.github)
        except Forbidden as error:
            if self.event.fork:
                self.runner.notice(f"A fork's token writes no {what}; the job's summary has it.")
            else:
                self.runner.notice(f"There is no {what}: {error}", "warning")
        except GitHubError as error:
            self.runner.notice(f"There is no {what}: {error}", "warning")
        else:
            self.runner.log(f"{what}: {url}" if url else "")
