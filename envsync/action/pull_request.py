"""Keeps one branch and one pull request up to date with the changes of a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from envsync.action.connection import Forbidden
from envsync.model.addresses import DOCUMENTATION
from envsync.model.errors import EnvsyncError
from envsync.model.wording import printable

if TYPE_CHECKING:
    from envsync.action.github import GitHub
    from envsync.action.proposals import File

_TITLES: Final = {
    "lock": "Lock the images of Azure ML environments",
    "update": "Update the images of Azure ML environments",
}
_WORKFLOW_BOT: Final = "github-actions[bot]"
_MAX_TITLE: Final = 200

NO_CHECKS: Final = (
    "\n> [!NOTE]\n> GitHub starts no workflows for pull requests that were made with "
    "`GITHUB_TOKEN`, so this pull request has no checks. To start them, close it and open it "
    f"again, or pass [another token]({DOCUMENTATION}/reference/action.md#update-and-lock) to the "
    "action.\n"
)


class Proposal(Struct, frozen=True):
    """A change that is proposed as a pull request.

    Attributes:
        command: `lock` or `update`.
        directory: the project directory relative to the top of the repository; `.` for the top.
        base: the branch that the pull request is merged into.
        parent: the commit on which the change is based.
        files: the changed files.
    """

    command: str
    directory: str
    base: str
    parent: str
    files: Sequence[File]

    @property
    def branch(self) -> str:
        """The name of the branch. Each command of a project has its own branch."""
        below = "" if self.directory == "." else f"-{self.directory.replace('/', '__')}"
        return f"envsync/{self.command}{re.sub(r'[^A-Za-z0-9_-]+', '-', below)}"

    @property
    def title(self) -> str:
        """The title of the pull request, and the first line of the commit message."""
        below = "" if self.directory == "." else f" in {printable(self.directory)}"
        return f"{_TITLES[self.command]}{below}"[:_MAX_TITLE]

    @property
    def message(self) -> str:
        """The message of the commit."""
        return f"{self.title}\n\nMade by `envsync {self.command}`."


def notes(github: GitHub) -> str:
    """Returns a note for the body if GitHub starts no checks for the pull request, otherwise ""."""
    return NO_CHECKS if github.login == _WORKFLOW_BOT else ""


def propose(github: GitHub, proposal: Proposal, body: str) -> str:
    """Writes the branch, and opens or updates the pull request.

    If there is nothing to change, an open pull request is closed.

    Args:
        github: the repository.
        proposal: the change.
        body: the text of the pull request.

    Returns:
        The URL of the pull request; empty if there is nothing to change.

    Raises:
        EnvsyncError: somebody else has committed to the branch.
        GitHubError: GitHub returned an error.
    """
    opened = github.proposals.pull_of(proposal.branch, proposal.base)
    if not proposal.files:
        if opened is not None:
            github.proposals.edit_pull(opened.id, state="closed")
        return ""
    _write_branch(github, proposal, is_open=opened is not None)
    if opened is not None:
        return github.proposals.edit_pull(opened.id, title=proposal.title, body=body).url
    try:
        return github.proposals.create_pull(
            proposal.branch, proposal.base, proposal.title, body
        ).url
    except Forbidden as error:
        raise Forbidden(
            f"{error} The job needs the permission `pull-requests: write`. In the settings of the "
            "repository, Actions, General, allow GitHub Actions to create pull requests."
        ) from error


def _write_branch(github: GitHub, proposal: Proposal, *, is_open: bool) -> None:
    present = github.proposals.commit_of(proposal.branch)
    if present is not None and is_open and present.message != proposal.message:
        raise EnvsyncError(
            f"The branch {proposal.branch} has commits that envsync did not make, so envsync did "
            "not change it. Merge or close its pull request, and run the job again."
        )
    try:
        tree = github.proposals.create_tree(proposal.parent, proposal.files)
        if present is not None and (present.tree, present.parents) == (tree, (proposal.parent,)):
            # Pushing an equal commit would start the checks of the pull request again.
            return
        commit = github.proposals.create_commit(proposal.message, tree, proposal.parent)
        github.proposals.set_branch(proposal.branch, commit, exists=present is not None)
    except Forbidden as error:
        raise Forbidden(f"{error} The job needs the permission `contents: write`.") from error
