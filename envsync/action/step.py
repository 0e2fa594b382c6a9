"""Runs one step of a workflow: reads inputs, runs a command, and publishes the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.action.approval import (
    Approval,
    NotApproved,
    ensure_newest,
    find_approval,
    merged_number,
)
from envsync.action.base import base_commit
from envsync.action.commands.apply import apply
from envsync.action.commands.images import change_images
from envsync.action.commands.plan import plan
from envsync.action.commands.validate import check, validate
from envsync.action.connection import Forbidden, GitHubError
from envsync.action.event import Event, read_event
from envsync.action.github import GitHub
from envsync.action.inputs import Inputs, read_inputs
from envsync.action.job import MAX_SUMMARY, Job
from envsync.action.markdown import Markdown, failure_markdown, footer, headed, size
from envsync.action.marker import Marker
from envsync.action.posts import append_to_comment, post_body, update_comment, update_issue
from envsync.action.result import Result
from envsync.model.errors import EnvsyncError
from envsync.model.wording import printable
from envsync.render.plan_markdown import heading

if TYPE_CHECKING:
    from envsync.plan.plan import Plan

_IN_SUMMARY: Final = "The job's summary shows the result."

_MAX_TITLE: Final = 200
"""Maximum length of an issue's title in characters. GitHub accepts 256."""


def run_step(environ: Mapping[str, str]) -> int:
    """Runs the step that the environment variables describe.

    Returns:
        The exit code of the command line, or of the error that stopped the step.
    """
    job = Job.from_environment(environ)
    try:
        inputs, event = read_inputs(environ), read_event(environ)
        return _Step(inputs, event, job, github=_client(environ, inputs, event)).run()
    except EnvsyncError as error:
        job.annotate(str(error), "error")
        return error.exit_code


def _client(environ: Mapping[str, str], inputs: Inputs, event: Event) -> GitHub | None:
    if not inputs.token:
        return None
    api = (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
    # On GitHub Enterprise Server, REST is at /api/v3 and GraphQL at /api/graphql.
    graphql = environ.get("GITHUB_GRAPHQL_URL") or f"{api.removesuffix('/v3')}/graphql"
    return GitHub(event.repository, inputs.token, api=api, graphql=graphql)


class _Step(Struct, frozen=True):
    inputs: Inputs
    event: Event
    job: Job
    github: GitHub | None

    def run(self) -> int:
        """Runs the command, publishes its result, and returns its exit code."""
        # The event after a merge is a push, which does not contain the number of the pull request.
        number, approval = self.event.number, None
        try:
            if self.inputs.command == "apply":
                number, approval = self._reviewed()
            result = self._run_command(approval)
        except GitHubError as error:
            result = self._stopped(error)
        self.job.log(result.log)
        # `annotations: false` leaves out only the annotations of rejections. If no plan was made,
        # the annotations show problems in files, and these annotations are always written.
        if self.inputs.annotations or result.plan is None:
            self.job.write_commands(result.annotations)
        for level, message in (("error", result.error), ("notice", result.notice)):
            if message:
                self.job.annotate(message, level)
        self.job.set_outputs(result.outputs())
        small = footer(self.inputs, self.event)
        self.job.add_summary(self._markdown(result)(MAX_SUMMARY - size(small)) + small)
        # Write the comment and the issue last, because these requests to GitHub can fail.
        if self.inputs.comment and number is not None:
            self._post("comment", lambda github: self._comment(github, number, result))
        # Without a plan, the state of the target is unknown, so the issue is not changed.
        if self.inputs.issue and (planned := result.plan) is not None:
            self._post("issue", lambda github: self._issue(github, result, planned))
        return result.code

    def _run_command(self, approval: Approval | None) -> Result:
        directory = self.job.workspace / self.inputs.directory
        match self.inputs.command:
            case "validate":
                return validate(self.inputs, directory)
            case "check":
                return check(self.inputs, directory)
            case "plan":
                base = partial(base_commit, directory, self.event) if self.event.base else None
                return plan(self.inputs, directory, self.job.temporary, base=base)
            case "lock" | "update":
                return change_images(self.inputs, self.event, directory, self.github)
            case _:
                return apply(
                    self.inputs,
                    directory,
                    self.job.temporary,
                    approval=approval,
                    workflow=self.event.workflow,
                )

    def _reviewed(self) -> tuple[int | None, Approval | None]:
        """Returns the number of the merged pull request, and the approved plan.

        The number is None if no pull request was merged, or if the step does not need the number.
        The approval is None if the step needs no approval.
        """
        number, problem = None, ""
        approve = self.inputs.approve
        if self.github is not None and (approve == "comment" or self.inputs.comment):
            try:
                number = merged_number(self.github, self.event)
            except (NotApproved, GitHubError) as error:
                problem = str(error)
                if approve != "comment":
                    self.job.annotate(f"No comment was written: {error}", "warning")
        if approve == "none":
            return number, None
        # Do not stop yet, because an empty plan needs no approval.
        if approve == "comment" and (problem or number is None):
            return number, Approval.missing(problem or self._no_pull_request())
        try:
            return number, self._approval(number)
        except (NotApproved, GitHubError) as error:
            return number, Approval.missing(str(error))

    def _no_pull_request(self) -> str:
        if self.github is None:
            return "`approve: comment` needs a `token` that can read pull requests."
        return (
            f"The commit {self.event.sha[:12]} on {self.event.branch} was not made by merging a "
            "pull request, so no plan was reviewed for it."
        )

    def _approval(self, number: int | None) -> Approval:
        """Returns the approved plan: the plan with the given digest, or the plan in the comment.

        Raises:
            NotApproved: no plan was reviewed for the commit of this run.
            GitHubError: the API of GitHub cannot be reached, or returns an error.
        """
        github, event = self.github, self.event
        if self.inputs.approve != "comment":
            if github is not None:
                ensure_newest(github, event, event.sha)
            by = f"{event.actor} started this run with the digest." if event.actor else ""
            return Approval(self.inputs.approve, by=by)
        if github is None or number is None:
            raise NotApproved(self._no_pull_request())
        pull = github.pull_request(number)
        ensure_newest(github, event, pull.merge)
        return find_approval(github, pull, self._marker("plan"))

    def _stopped(self, error: EnvsyncError) -> Result:
        title = f"envsync {self.inputs.command} stopped; nothing was changed."
        return Result(
            code=error.exit_code,
            summary=title,
            markdown=failure_markdown(title, str(error)),
            log=str(error),
            error=str(error),
        )

    def _marker(self, kind: str, planned: Plan | None = None) -> Marker:
        marker = Marker(kind, self.inputs.directory, self.inputs.target)
        if planned is None:
            return marker
        return replace(
            marker,
            digest=planned.digest,
            changes=planned.fingerprints,
            number=self.event.number,
            head=self.event.head,
            time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    def _heading(self, result: Result) -> str:
        """Returns a heading that names the target and the directory."""
        # Without a plan, the name of the default target is not known.
        target = result.plan.target.name if result.plan else self.inputs.target
        return heading(target, self.inputs.directory)

    def _markdown(self, result: Result) -> Markdown:
        return headed(self._heading(result), result.markdown)

    def _comment(self, github: GitHub, number: int, result: Result) -> str | None:
        marker = self._marker(self.inputs.command, result.plan)
        small = footer(self.inputs, self.event)
        if self.inputs.command == "apply":
            return append_to_comment(
                github,
                number,
                marker,
                title=self._heading(result),
                markdown=result.markdown,
                footer=small,
                create=result.starts_comment,
            )
        if stale := self._stale(github, number):
            self.job.annotate(f"No comment was written: {stale} {_IN_SUMMARY}")
            return None
        body = post_body(marker, self._markdown(result), small)
        return update_comment(github, number, marker, body=body, create=result.starts_comment)

    def _stale(self, github: GitHub, number: int) -> str:
        """Returns why the result is outdated for the pull request, or an empty string.

        A job can run again at any time. The comment of a merged pull request must keep the reviewed
        plan. The comment of an open pull request must show the result for the newest commit.
        """
        pull = github.pull_request(number)
        if not pull.is_open:
            return f"pull request #{number} is closed."
        if pull.head != self.event.head:
            return (
                f"pull request #{number} now has the commit {pull.head[:12]}, and this run is for "
                f"the commit {self.event.head[:12]}."
            )
        return ""

    def _issue(self, github: GitHub, result: Result, planned: Plan) -> str | None:
        marker = self._marker("issue", planned)
        title = f"envsync: {printable(planned.target.name)} is not as declared"
        body = post_body(marker, self._markdown(result), footer(self.inputs, self.event))
        needed = not planned.is_empty
        return update_issue(github, marker, title=title[:_MAX_TITLE], body=body, needed=needed)

    def _post(self, what: str, write: Callable[[GitHub], str | None]) -> None:
        """Writes a comment or an issue. An error of GitHub becomes an annotation of the step.

        Args:
            what: `comment` or `issue`.
            write: a function that writes the comment or issue and returns its URL.
        """
        if self.github is None:
            self.job.annotate(f"No {what} was written: the step has no token. {_IN_SUMMARY}")
            return
        try:
            url = write(self.github)
        except Forbidden as error:
            if self.event.fork:
                # The workflow of a pull request from a fork gets only a read-only token.
                reason = "the token of a fork is read-only"
                self.job.annotate(f"No {what} was written: {reason}. {_IN_SUMMARY}")
            else:
                self.job.annotate(f"No {what} was written: {error}", "warning")
        except GitHubError as error:
            self.job.annotate(f"No {what} was written: {error}", "warning")
        else:
            self.job.log(f"{what}: {url}" if url else "")
