"""Tests of the search for a merged pull request and for the comment with its approved plan."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envsync.action.approval import (
    Approval,
    NotApproved,
    ensure_newest,
    find_approval,
    merged_number,
)
from envsync.action.connection import GitHubError
from envsync.action.event import Event
from envsync.action.github import GitHub, Written
from envsync.action.marker import Marker
from envsync.action.post import Post
from tests.action.forge import BOT, REPOSITORY, Forge

PLAN = Marker("plan", ".", "dev")
REVIEWED = Marker(
    "plan",
    ".",
    "dev",
    digest="sha256:1",
    changes={"create a:1": "f"},
    number=7,
    head="def",
    time="2020-01-01T00:00:00Z",  # the clock of the runner is wrong
)
PUSH = Event(name="push", repository=REPOSITORY, sha="abc", branch="main")


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("envsync.action.approval.time.sleep", pauses.append)
    return pauses


def test_merged_number_is_the_pull_request_whose_merge_created_the_commit(
    github: GitHub, forge: Forge
) -> None:
    forge.merge("abc", 5, base="release")  # the same commit, in another branch
    forge.merge("abc", 6, at="another")  # not the last commit of the merge
    forge.merge("abc", 7)

    assert merged_number(github, PUSH) == 7


def test_merged_number_retries_if_github_does_not_list_the_merge_yet(
    github: GitHub, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "envsync.action.approval.time.sleep", lambda _seconds: forge.merge("abc", 7)
    )

    assert merged_number(github, PUSH) == 7


def test_merged_number_is_none_if_no_merge_created_the_commit(
    github: GitHub, forge: Forge, slept: list[float]
) -> None:
    forge.merge("abc", 6, at="another")

    assert merged_number(github, PUSH) is None
    assert slept == [2, 4]


def test_merged_number_sends_no_request_for_a_closed_pull_request(
    github: GitHub, forge: Forge
) -> None:
    closed = replace(PUSH, name="pull_request", number=7)
    merged = replace(closed, merged=True)

    assert (merged_number(github, closed), merged_number(github, merged)) == (None, 7)
    assert forge.requests == []


def test_merged_number_refuses_to_choose_between_two_merged_pull_requests(
    github: GitHub, forge: Forge
) -> None:
    forge.merge("abc", 8)
    forge.merge("abc", 7)

    with pytest.raises(NotApproved, match="merging the pull requests #7 and #8, so it is unknown"):
        merged_number(github, PUSH)


def approved(github: GitHub, forge: Forge) -> Approval:
    """Merges the pull request and returns its approval."""
    forge.merge("abc", 7)
    return find_approval(github, github.pull_request(7), PLAN)


@pytest.mark.parametrize("editor", [None, BOT])
def test_find_approval_reads_only_the_comment_of_the_action(
    github: GitHub, forge: Forge, editor: str | None
) -> None:
    forge.write_comment(7, "mallory", replace(REVIEWED, digest="sha256:2").line())
    forge.write_comment(7, BOT, replace(REVIEWED, target="prod", digest="sha256:3").line())
    forge.write_comment(7, BOT, replace(REVIEWED, directory="ml", digest="sha256:4").line())
    forge.write_comment(7, BOT, replace(REVIEWED, kind="apply", digest="sha256:5").line())
    text = forge.write_comment(7, BOT, REVIEWED.line() + "text")
    if editor:
        forge.edit_comment(text, editor, text.body)
    forge.review(7, "alice", "def")
    forge.review(7, "bob", "0" * 40)

    assert approved(github, forge) == Approval(
        "sha256:1",
        {"create a:1": "f"},
        f"{forge.url}/{REPOSITORY}/pull/7#issuecomment-{text.id}",
        by="Approved by merging #7 by octocat. Reviewed by alice. bob reviewed only the older "
        "commit 000000000000. The plan was made for the commit def at 2020-01-01T00:00:00Z.",
    )


@pytest.mark.parametrize(
    ("posts", "message"),
    [
        ([], r"#7 has no comment of github-actions\[bot\] with a plan for target 'dev' in \."),
        ([("mallory", REVIEWED, None)], r"has no comment of github-actions\[bot\]"),
        ([("github-actions", REVIEWED, None)], r"has no comment of github-actions\[bot\]"),
        ([("dependabot[bot]", REVIEWED, None)], r"has no comment of github-actions\[bot\]"),
        ([(BOT, REVIEWED, "mallory")], "was edited by mallory, so its plan is not trusted"),
        ([(BOT, REVIEWED, "github-actions")], "was edited by github-actions, so"),
        ([(BOT, REVIEWED, "dependabot[bot]")], r"was edited by dependabot\[bot\], so"),
        ([(BOT, REVIEWED, "")], "was edited by a deleted account, so"),
        ([(BOT, REVIEWED, None), (BOT, REVIEWED, None)], "has 2 comments .* it is unknown"),
        ([(BOT, PLAN, None)], "shows no plan, because planning pull request #7 failed"),
        ([(BOT, replace(REVIEWED, number=8), None)], "plan of another pull request: #8"),
        ([(BOT, replace(REVIEWED, number=None), None)], "plan of another pull request: #None"),
        ([(BOT, replace(REVIEWED, head="123"), None)], "the commit 123, but the commit def was"),
        ([(BOT, replace(REVIEWED, head=""), None)], r"the commit \(unknown\), but the commit def"),
    ],
)
def test_find_approval_explains_a_missing_or_untrusted_comment(
    github: GitHub, forge: Forge, posts: list[tuple[str, Marker, str | None]], message: str
) -> None:
    for author, marker, editor in posts:
        text = forge.write_comment(7, author, marker.line() + "text")
        if editor is not None:
            forge.edit_comment(text, editor, text.body)

    with pytest.raises(NotApproved, match=message):
        approved(github, forge)


def test_a_comment_that_was_written_after_the_merge_approves_nothing(
    github: GitHub, forge: Forge
) -> None:
    forge.merge("abc", 7)
    forge.write_comment(7, BOT, REVIEWED.line())

    with pytest.raises(NotApproved, match="at 2026-11-20T10:00:02Z, which is not before the merge"):
        find_approval(github, github.pull_request(7), PLAN)


def test_a_comment_that_was_edited_after_the_merge_approves_nothing(
    github: GitHub, forge: Forge
) -> None:
    text = forge.write_comment(7, BOT, replace(REVIEWED, digest="sha256:2").line())
    forge.merge("abc", 7)
    forge.edit_comment(text, BOT, REVIEWED.line())

    with pytest.raises(NotApproved, match="was written or changed at 2026-11-20T10:00:03Z"):
        find_approval(github, github.pull_request(7), PLAN)


def test_a_comment_written_in_the_same_second_as_the_merge_approves_nothing(
    github: GitHub, forge: Forge
) -> None:
    text = forge.write_comment(7, BOT, REVIEWED.line())
    forge.merge("abc", 7)
    text.created = forge.opened[7]["merged_at"]

    with pytest.raises(NotApproved, match="is not before the merge"):
        find_approval(github, github.pull_request(7), PLAN)


def test_a_pull_request_that_is_not_merged_approves_nothing(github: GitHub, forge: Forge) -> None:
    forge.write_comment(7, BOT, REVIEWED.line())
    forge.open(7, "def")

    with pytest.raises(GitHubError, match=r"no valid times: .* was merged at ''"):
        find_approval(github, github.pull_request(7), PLAN)


def test_find_approval_succeeds_if_the_reviews_cannot_be_read(
    github: GitHub, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_number: int) -> None:
        raise GitHubError("No.")

    monkeypatch.setattr(github, "approvals", forbidden)
    forge.write_comment(7, BOT, REVIEWED.line())

    assert approved(github, forge).by.startswith("Approved by merging #7 by octocat. The plan was")


def test_find_approval_uses_the_newest_content_of_an_edited_comment(
    github: GitHub, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = forge.write_comment(7, BOT, replace(REVIEWED, digest="sha256:2").line())
    read = github.written

    def meanwhile(post: Post) -> Written:
        forge.edit_comment(text, "mallory", REVIEWED.line())
        return read(post)

    monkeypatch.setattr(github, "written", meanwhile)

    with pytest.raises(NotApproved, match="was edited by mallory"):
        approved(github, forge)


@pytest.mark.parametrize(("attempt", "newest"), [(1, "abc"), (1, "123"), (2, "abc")])
def test_a_run_for_the_newest_commit_or_a_first_attempt_is_allowed(
    github: GitHub, forge: Forge, attempt: int, newest: str
) -> None:
    forge.branches["main"] = newest

    ensure_newest(github, replace(PUSH, attempt=attempt), "abc")


def test_a_run_that_is_started_again_for_an_older_commit_is_not_approved(
    github: GitHub, forge: Forge
) -> None:
    forge.branches["main"] = "123"

    with pytest.raises(NotApproved, match="for the commit abc, but main is now at 123"):
        ensure_newest(github, replace(PUSH, attempt=2), "abc")
