"""The client for GitHub's API: pages, retries, rate limits and error messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.action.connection import Forbidden, GitHubError
from envsync.action.github import GitHub, PullRequest, Review, Written
from tests.action.forge import BOT, READ_ONLY, REPOSITORY, Forge, Text


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Makes each pause end at once. Returns a list of the lengths of pauses in seconds."""
    pauses: list[float] = []
    monkeypatch.setattr("envsync.action.connection.time.sleep", pauses.append)
    return pauses


def test_comments_are_read_from_all_pages(github: GitHub, forge: Forge) -> None:
    for index in range(205):
        forge.write_comment(7, "octocat", f"comment {index}")

    assert [post.body for post in github.comments(7)] == [f"comment {n}" for n in range(205)]


def test_the_login_of_the_tokens_owner_is_read(github: GitHub) -> None:
    assert github.login == BOT


def test_a_comment_is_created_and_edited(github: GitHub, forge: Forge) -> None:
    post = github.create_comment(7, "one")
    github.edit_comment(post.id, "two")

    assert [(text.author, text.body) for text in forge.comments[7]] == [(BOT, "two")]
    assert post.url.startswith(f"{forge.url}/{REPOSITORY}/pull/7#")


@pytest.mark.parametrize(
    ("editor", "told"),
    [(None, None), (BOT, BOT), ("octocat", "octocat"), ("", "a deleted account")],
)
def test_the_last_editor_of_a_comment_is_read(
    github: GitHub, forge: Forge, editor: str | None, told: str | None
) -> None:
    text = forge.write_comment(7, BOT, "one")
    (post,) = github.comments(7)
    text.editor, text.body, text.edited = editor, "two", "2026-11-20T11:00:00Z"
    at = text.created if editor is None else text.edited

    assert github.written(post) == Written("two", told, at)


def test_reading_the_content_of_a_deleted_comment_is_an_error(github: GitHub, forge: Forge) -> None:
    forge.write_comment(7, BOT, "one")
    (post,) = github.comments(7)
    forge.comments.clear()

    with pytest.raises(GitHubError, match=r"The comment .* was deleted or is hidden"):
        github.written(post)


def test_only_merged_pull_requests_of_a_commit_are_returned(github: GitHub, forge: Forge) -> None:
    forge.merge("abc", 7)
    forge.pulls["abc"].append({**forge.pulls["abc"][0], "number": 8, "merged_at": None})

    assert github.merged_with("abc") == (
        PullRequest(7, "main", "def", merge="abc", merged_at="2026-11-20T10:00:01Z"),
    )


def test_the_current_state_of_a_pull_request_is_read(github: GitHub, forge: Forge) -> None:
    forge.open(7, "def")
    opened = github.pull_request(7)
    forge.open(7, "abc")
    pushed = github.pull_request(7)
    forge.close(7)
    closed = github.pull_request(7)
    forge.merge("123", 7)
    merged = github.pull_request(7)

    assert [opened, pushed, closed, merged] == [
        PullRequest(7, "main", "def", is_open=True),
        PullRequest(7, "main", "abc", is_open=True),
        PullRequest(7, "main", "abc"),
        PullRequest(7, "main", "abc", False, "123", "2026-11-20T10:00:01Z", "octocat"),
    ]


def test_only_the_newest_approving_review_of_each_account_counts(
    github: GitHub, forge: Forge
) -> None:
    forge.review(7, "alice", "abc")
    forge.review(7, "alice", "def")
    forge.review(7, "alice", "def", "COMMENTED")
    forge.review(7, "bob", "def")
    forge.review(7, "bob", "def", "CHANGES_REQUESTED")
    forge.review(7, "carol", "def", "DISMISSED")

    assert github.approvals(7) == (Review("alice", "def"),)


@pytest.mark.parametrize("branch", ["main", "release/1.0", "a#b"])
def test_the_newest_commit_of_a_branch_is_read(github: GitHub, forge: Forge, branch: str) -> None:
    forge.branches[branch] = "abc"

    assert github.branch_head(branch) == "abc"


def test_closed_issues_are_not_listed(github: GitHub, forge: Forge) -> None:
    first = github.create_issue("title", "body")
    github.create_issue("another", "body")
    github.edit_issue(first.id, "body", close=True)

    assert [post.id for post in github.open_issues()] == [2]


def test_issues_of_other_authors_and_pull_requests_are_not_listed(
    github: GitHub, forge: Forge
) -> None:
    forge.issues.append(Text(1, "alice", "body", title="title"))
    ours = github.create_issue("title", "body")
    forge.issues.append(Text(3, github.login, "body", title="title", is_pull_request=True))

    assert [post.id for post in github.open_issues()] == [ours.id]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_request_to_a_busy_github_is_repeated(
    github: GitHub, forge: Forge, slept: list[float], status: int
) -> None:
    forge.faults = [(status, {}), (status, {})]

    assert list(github.comments(7)) == []
    assert slept == [1, 2]


def test_a_request_fails_if_github_stays_busy(
    github: GitHub, forge: Forge, slept: list[float]
) -> None:
    forge.faults = [(502, {})] * 9

    with pytest.raises(GitHubError, match="502 No"):
        list(github.comments(7))
    assert slept == [1, 2, 4]


def test_a_comment_is_not_created_again_after_a_server_error(github: GitHub, forge: Forge) -> None:
    forge.faults = [(502, {})]

    with pytest.raises(GitHubError, match="502"):
        github.create_comment(7, "one")
    assert forge.requests == [f"POST /repos/{REPOSITORY}/issues/7/comments"]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "30"}, 30),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1020"}, 21),
    ],
)
def test_a_request_is_repeated_after_the_time_in_the_rate_limit_response(
    github: GitHub,
    forge: Forge,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    pause: float,
) -> None:
    monkeypatch.setattr("envsync.action.connection.time.time", lambda: 1000.0)
    forge.faults = [(403, headers)]

    assert github.create_comment(7, "one").body == "one"
    assert slept == [pause]


def test_a_request_is_repeated_if_the_rate_limit_response_contains_no_time(
    github: GitHub, forge: Forge, slept: list[float]
) -> None:
    told = '{"message": "You have exceeded a secondary rate limit."}'
    forge.faults = [(403, {}, told)]

    assert github.create_comment(7, "one").body == "one"
    assert slept == [1]


def test_a_request_fails_if_the_rate_limit_lasts_several_minutes(
    github: GitHub, forge: Forge, slept: list[float]
) -> None:
    forge.faults = [(403, {"retry-after": "600"})]

    with pytest.raises(GitHubError, match="rate limit is used up"):
        list(github.comments(7))
    assert slept == []


@pytest.mark.parametrize(
    ("token", "call", "message"),
    [
        ("unknown", lambda github: list(github.comments(7)), "does not accept the token"),
        (READ_ONLY, lambda github: github.create_comment(7, "x"), "Check the job's `permissions`"),
        (READ_ONLY, lambda github: github.edit_comment(1, "x"), "not accessible by integration"),
    ],
)
def test_the_error_for_a_missing_permission_does_not_contain_the_token(
    forge: Forge, token: str, call: Callable[[GitHub], object], message: str
) -> None:
    github = GitHub(REPOSITORY, token, api=forge.url, graphql=f"{forge.url}/graphql")

    with pytest.raises(Forbidden, match=message) as refused:
        call(github)
    assert token not in str(refused.value)


def test_the_error_for_a_missing_resource_mentions_permissions(github: GitHub) -> None:
    with pytest.raises(Forbidden, match="does not exist, or the token has no permission"):
        github.edit_comment(1, "x")


def test_an_error_without_a_message_shows_the_reason_phrase_of_http(
    forge: Forge, github: GitHub
) -> None:
    another = GitHub("nobody/nothing", "x", api=forge.url, graphql=f"{forge.url}/graphql")

    with pytest.raises(Forbidden, match="nobody/nothing/issues/7/comments: 404 Not Found"):
        list(another.comments(7))


@pytest.mark.parametrize("text", ["<html>", "{}", "null"])
def test_an_unexpected_response_is_an_error(github: GitHub, forge: Forge, text: str) -> None:
    forge.faults = [(200, {}, text)]

    with pytest.raises(
        GitHubError, match=r"issues/7/comments.* does not match the documentation of GitHub's API"
    ):
        list(github.comments(7))


def test_the_token_is_not_sent_to_a_next_page_on_another_host(github: GitHub, forge: Forge) -> None:
    forge.write_comment(7, BOT, "one")
    forge.faults = [(200, {"link": '<http://elsewhere/?page=1&per_page=100>; rel="next"'}, "[]")]

    assert [post.body for post in github.comments(7)] == ["one"]
    assert forge.requests == [f"GET /repos/{REPOSITORY}/issues/7/comments"] * 2


def test_the_error_for_an_unreachable_github_contains_the_address(slept: list[float]) -> None:
    github = GitHub(
        REPOSITORY, "secret", api="http://127.0.0.1:9", graphql="http://127.0.0.1:9/graphql"
    )

    with pytest.raises(GitHubError, match=r"^http://127.0.0.1:9 cannot be reached"):
        list(github.comments(7))
    assert len(slept) == 3


def test_an_error_in_a_graphql_response_is_raised(github: GitHub) -> None:
    with pytest.raises(GitHubError, match="Cannot query field 'nobody'"):
        github._connection.query("query { nobody }", {})


def test_a_password_in_netrc_does_not_replace_the_token(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(netrc))

    assert github.login == BOT
