"""Which comments approve a plan for a merge."""

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


def test_a_commit_belongs_to_the_pull_request_whose_merge_made_it(
    github: GitHub, forge: Forge
) -> None:
    forge.merge("abc", 5, base="release")  # the same commit, in another branch
    forge.merge("abc", 6, at="another")  # only one of its commits
    forge.merge("abc", 7)

    assert merged_number(github, PUSH) == 7


def test_a_merge_that_github_does_not_list_yet_is_looked_up_again(
    github: GitHub, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "envsync.action.approval.time.sleep", lambda _seconds: forge.merge("abc", 7)
    )

    assert merged_number(github, PUSH) == 7


def test_a_commit_that_no_merge_made_has_no_pull_request(
    github: GitHub, forge: Forge, slept: list[float]
) -> None:
    forge.merge("abc", 6, at="another")

    assert merged_number(github, PUSH) is None
    assert slept == [2, 4]


def test_the_event_of_a_merge_names_its_pull_request(github: GitHub, forge: Forge) -> None:
    closed = replace(PUSH, name="pull_request", number=7)
    merged = replace(closed, merged=True)

    assert (merged_number(github, closed), merged_number(github, merged)) == (None, 7)
    assert forge.requests == []


@pytest.mark.parametrize("editor", [None, BOT])
def test_the_comment_of_the_action_is_the_approval(
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
def test_a_missing_or_untrusted_approval_is_explained(
    github: GitHub, forge: Forge, posts: list[tuple[str, Marker, str | None]], message: str
) -> None:
    for author, marker, editor in posts:
        forge.write_comment(7, author, marker.line() + "text").editor = editor

    with pytest.raises(NotApproved, match=message):
        find_approval(github, 7, PLAN)


def test_a_comment_that_is_edited_while_it_is_read_counts_with_its_new_content(
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
