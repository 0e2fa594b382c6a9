"""Tests of finding a merged pull request, and the comment with its approved plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envsync.action.approval import Approval, NotApproved, find_approval, merged_number
from envsync.action.event import Event
from envsync.action.github import GitHub, Post
from envsync.action.marker import Marker
from tests.action.forge import BOT, REPOSITORY, Forge

PLAN = Marker("plan", ".", "dev")
REVIEWED = Marker("plan", ".", "dev", digest="sha256:1", changes={"create a:1": "f"})
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


@pytest.mark.parametrize("editor", [None, BOT])
def test_find_approval_reads_only_the_comment_of_the_action(
    github: GitHub, forge: Forge, editor: str | None
) -> None:
    forge.write_comment(7, "mallory", Marker("plan", ".", "dev", digest="sha256:2").line())
    forge.write_comment(7, BOT, Marker("plan", ".", "prod", digest="sha256:3").line())
    text = forge.write_comment(7, BOT, REVIEWED.line() + "text")
    text.editor = editor

    assert find_approval(github, 7, PLAN) == Approval(
        "sha256:1",
        {"create a:1": "f"},
        f"{forge.url}/{REPOSITORY}/pull/7#issuecomment-{text.id}",
    )


@pytest.mark.parametrize(
    ("posts", "message"),
    [
        ([], r"#7 has no comment of github-actions\[bot\] with a plan for target 'dev' in \."),
        ([("mallory", REVIEWED, None)], r"has no comment of github-actions\[bot\]"),
        ([("github-actions", REVIEWED, None)], r"has no comment of github-actions\[bot\]"),
        ([(BOT, REVIEWED, "mallory")], "was edited by mallory, so its plan is not trusted"),
        ([(BOT, REVIEWED, "github-actions")], "was edited by github-actions, so"),
        ([(BOT, REVIEWED, "")], "was edited by a deleted account, so"),
        ([(BOT, REVIEWED, None), (BOT, REVIEWED, None)], "has 2 comments .* Delete all but one"),
        ([(BOT, PLAN, None)], "shows no plan: planning pull request #7 failed"),
    ],
)
def test_find_approval_explains_a_missing_or_untrusted_comment(
    github: GitHub, forge: Forge, posts: list[tuple[str, Marker, str | None]], message: str
) -> None:
    for author, marker, editor in posts:
        forge.write_comment(7, author, marker.line() + "text").editor = editor

    with pytest.raises(NotApproved, match=message):
        find_approval(github, 7, PLAN)


def test_find_approval_uses_the_newest_content_of_an_edited_comment(
    github: GitHub, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = Marker("plan", ".", "dev", digest="sha256:2")
    text = forge.write_comment(7, BOT, forged.line())
    read = github.last_edit

    def meanwhile(post: Post) -> tuple[str, str | None]:
        text.body, text.editor = REVIEWED.line(), BOT
        return read(post)

    monkeypatch.setattr(github, "last_edit", meanwhile)

    assert find_approval(github, 7, PLAN).digest == REVIEWED.digest
