"""Attempts to forge an approval: a fork, a changed workflow, a branch named like a digest."""

from __future__ import annotations

import pytest

from envsync.action.approval import NotApproved, ensure_newest, merged_number
from envsync.action.event import Event
from envsync.action.github import GitHub
from tests.action.forge import BOT, REPOSITORY, Forge
from tests.action.step import Step

COMMIT = "a" * 40
NAMES = ("b" * 40, "c" * 64, "sha256-" + "c" * 64, "refs/heads/main", "HEAD", "none", "comment")
"""Names that git allows for a branch, and that look like a commit, a digest or something else."""


@pytest.fixture
def fork(step: Step, forge: Forge) -> Step:
    """A step for the pull request of a fork."""
    head = {"sha": "def", "repo": {"full_name": "mallory/models"}}
    step.trigger("pull_request", pull_request={"number": 7, "base": {"ref": "main"}, "head": head})
    forge.open(7, "def")
    return step


def merge(step: Step, forge: Forge, branch: str = "main") -> None:
    step.trigger("push")
    step.variables["GITHUB_REF_NAME"] = branch
    forge.merge("abc", 7, base=branch)


def left(step: Step) -> list[str]:
    """Returns the environments that the target does not have yet."""
    return [change.name for change in step.plan().changes]


def test_the_merge_of_a_fork_has_no_plan_that_could_be_approved(fork: Step, forge: Forge) -> None:
    # GitHub gives the job of a fork a token that cannot write.
    forge.write_comment(7, "mallory", fork.review(forge).body)
    forge.comments[7].pop(0)
    merge(fork, forge)

    assert fork.run("apply", approve="comment") == 1
    assert left(fork) == ["pydata"]
    assert "has no comment of" in fork.summary


@pytest.mark.parametrize("branch", NAMES)
def test_the_name_of_a_branch_approves_nothing(step: Step, forge: Forge, branch: str) -> None:
    merge(step, forge, branch)

    assert step.run("apply", approve="comment") == 1
    assert left(step) == ["pydata"]


def test_a_branch_that_is_named_like_the_digest_of_the_plan_approves_nothing(
    step: Step, forge: Forge
) -> None:
    digest = step.plan().digest
    merge(step, forge, digest.removeprefix("sha256:"))

    assert step.run("apply", approve="comment") == 1
    assert step.run("apply", approve=digest.removeprefix("sha256:")) == 64
    assert step.run("apply", approve=digest.replace(":", "-")) == 64
    assert left(step) == ["pydata"]


@pytest.mark.parametrize("branch", NAMES)
def test_a_run_for_an_old_commit_is_refused_whatever_the_name_of_its_branch(
    github: GitHub, forge: Forge, branch: str
) -> None:
    event = Event("push", REPOSITORY, sha=COMMIT, branch=branch, attempt=2)
    forge.branches[branch] = "d" * 40
    # Another branch is named like the commit of the run.
    forge.branches[COMMIT] = COMMIT

    with pytest.raises(NotApproved, match="is now at dddddddddddd"):
        ensure_newest(github, event, COMMIT)


def test_a_branch_that_is_named_like_a_merged_commit_has_no_pull_request(
    github: GitHub, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.action.approval.time.sleep", lambda _seconds: None)
    forge.merge(COMMIT, 7)

    assert merged_number(github, Event("push", REPOSITORY, sha="abc", branch=COMMIT)) is None


def test_a_change_that_a_comment_of_a_changed_workflow_invents_is_not_applied(
    step: Step, forge: Forge
) -> None:
    # The workflow of a pull request runs as the same account. It can claim any plan.
    claimed = {**step.plan().fingerprints, "create stolen:1": "f" * 64}
    step.review(forge, digest="sha256:" + "1" * 64, changes=claimed)
    merge(step, forge)

    assert step.run("apply", approve="comment") == 0
    assert left(step) == []
    assert "stolen" not in step.output


def test_content_that_differs_from_the_plan_in_a_forged_comment_is_not_applied(
    step: Step, forge: Forge
) -> None:
    shown = step.plan()
    step.declare("pydata", image="mcr.microsoft.com/azureml/base:evil")
    step.review(forge, digest=shown.digest, changes=shown.fingerprints)
    merge(step, forge)

    assert step.run("apply", approve="comment") == 1
    assert left(step) == ["pydata"]


def test_a_changed_workflow_cannot_apply_before_the_merge(step: Step, forge: Forge) -> None:
    # The pull request has changed `command: plan` to `command: apply`.
    step.review(forge)

    assert step.run("apply", approve="comment") == 1
    assert left(step) == ["pydata"]


def test_a_second_comment_of_a_changed_workflow_makes_the_approval_unknown(
    step: Step, forge: Forge
) -> None:
    step.review(forge)
    step.review(forge, digest="sha256:" + "1" * 64)
    merge(step, forge)

    assert step.run("apply", approve="comment") == 1
    assert "has 2 comments of" in step.summary


@pytest.mark.parametrize("author", ["renovate[bot]", "github-actions", "GitHub-Actions[bot]x"])
def test_a_comment_of_another_bot_approves_nothing(step: Step, forge: Forge, author: str) -> None:
    body = step.review(forge).body
    forge.comments[7].clear()
    forge.write_comment(7, author, body)
    merge(step, forge)

    assert author != BOT
    assert step.run("apply", approve="comment") == 1
    assert left(step) == ["pydata"]
