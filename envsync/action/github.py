"""`GitHub`: a client for GitHub's API, with the calls that the action needs.

The client works with GitHub Enterprise Server as well. The client uses version 2022-11-28 of the
REST API (https://docs.github.com/rest). The REST API does not return the owner of a token or the
editor of a comment, so the client reads both with GraphQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from envsync.action.connection import Connection, GitHubError
from envsync.action.post import Post, post_of
from envsync.action.proposals import Proposals

_EDIT_QUERY: Final = """\
query ($id: ID!) {
  node(id: $id) {
    ... on IssueComment { body createdAt lastEditedAt editor { __typename login } }
  }
}
"""


class Written(Struct, frozen=True):
    """The newest content of a comment, with its editor and its time.

    All attributes are read in one request. Otherwise, the comment could be edited between two
    requests.

    Attributes:
        body: the text in Markdown.
        editor: the login of the last editor. None if the comment was never edited.
        at: the time of the last edit, or of the creation if the comment was never edited. The time
            is in UTC from the clock of GitHub, such as `2026-11-20T10:00:00Z`.
    """

    body: str
    editor: str | None
    at: str


class PullRequest(Struct, frozen=True):
    """A pull request.

    Attributes:
        number: the number.
        base: the branch that the pull request is merged into.
        head: the newest commit of the pull request. After a merge, this is the commit that was
            merged.
        is_open: False after the pull request was merged or closed.
        merge: the newest commit that the merge added to `base`; empty before the merge.
        merged_at: when the pull request was merged, in the format of `Written.at`; empty before the
            merge.
        merged_by: the login of the account that merged; empty if the account is not known.
    """

    number: int
    base: str
    head: str
    is_open: bool = False
    merge: str = ""
    merged_at: str = ""
    merged_by: str = ""


class Review(Struct, frozen=True):
    """An approving review of a pull request.

    Attributes:
        author: the login of the reviewer.
        commit: the commit that the reviewer approved.
    """

    author: str
    commit: str


class GitHub:
    """A client for one repository and one token.

    Args:
        repository: `owner/name`.
        token: the token for GitHub's API. No message contains the token.
        api: the URL of the REST API, without `/` at the end.
        graphql: the URL of the GraphQL API.

    Attributes:
        proposals: the calls that write branches and pull requests.
    """

    def __init__(self, repository: str, token: str, *, api: str, graphql: str) -> None:
        self._connection = Connection(repository, token, api=api, graphql=graphql)
        self.proposals = Proposals(self._connection, repository)
        self._login: str | None = None

    @property
    def login(self) -> str:
        """The login of the token's owner. The login of a bot ends with `[bot]`."""
        if self._login is None:
            viewer = self._connection.query("query { viewer { login } }", {})["viewer"]
            self._login = str(viewer["login"])
        return self._login

    def merged_with(self, sha: str) -> tuple[PullRequest, ...]:
        """Returns the merged pull requests that contain a commit."""
        found = self._connection.pages(f"/commits/{sha}/pulls")
        return tuple(_pull_request(item) for item in found if item["merged_at"])

    def pull_request(self, number: int) -> PullRequest:
        """Returns the current state of a pull request."""
        return _pull_request(self._connection.get(f"/pulls/{number}"))

    def approvals(self, number: int) -> tuple[Review, ...]:
        """Returns the newest review of each account that approved a pull request.

        A review that was dismissed, or that the account withdrew, is left out.
        """
        latest: dict[str, Any] = {}
        for item in self._connection.pages(f"/pulls/{number}/reviews"):
            # A later comment does not withdraw an approval.
            if item["state"] in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}:
                latest[(item["user"] or {}).get("login", "")] = item
        return tuple(
            Review(login, item["commit_id"] or "")
            for login, item in latest.items()
            if item["state"] == "APPROVED"
        )

    def branch_head(self, branch: str) -> str:
        """Returns the newest commit of a branch."""
        return str(self._connection.get(f"/git/ref/heads/{quote(branch)}")["object"]["sha"])

    def comments(self, number: int) -> Iterator[Post]:
        """Returns the comments of a pull request, oldest first."""
        found = self._connection.pages(f"/issues/{number}/comments")
        return (post_of(item, "id") for item in found)

    def create_comment(self, number: int, body: str) -> Post:
        """Writes a comment on a pull request."""
        path = f"/issues/{number}/comments"
        return post_of(self._connection.call("POST", path, {"body": body}), "id")

    def edit_comment(self, identifier: int, body: str) -> Post:
        """Replaces the body of a comment."""
        path = f"/issues/comments/{identifier}"
        return post_of(self._connection.call("PATCH", path, {"body": body}), "id")

    def written(self, post: Post) -> Written:
        """Returns the newest content of a comment, with its editor and its time.

        Raises:
            GitHubError: the comment was deleted, or the token has no permission to read the
                comment.
        """
        node = self._connection.query(_EDIT_QUERY, {"id": post.node})["node"]
        if not node:
            raise GitHubError(
                f"The comment {post.url} was deleted or is hidden. Run the job again."
            )
        edited, editor = node["lastEditedAt"], node["editor"]
        at = str(edited or node["createdAt"])
        if editor is None:
            # The editor is also null if the account of the editor was deleted.
            return Written(node["body"], "a deleted account" if edited else None, at)
        bot = "[bot]" if editor["__typename"] == "Bot" else ""
        return Written(node["body"], str(editor["login"]) + bot, at)

    def open_issues(self) -> Iterator[Post]:
        """Returns the open issues that the token's owner wrote, newest first."""
        creator = {"state": "open", "creator": self.login}
        found = self._connection.pages("/issues", creator)
        # The REST API also lists pull requests as issues: https://docs.github.com/rest/issues/issues
        return (post_of(item, "number") for item in found if "pull_request" not in item)

    def create_issue(self, title: str, body: str) -> Post:
        """Opens an issue."""
        issue = {"title": title, "body": body}
        return post_of(self._connection.call("POST", "/issues", issue), "number")

    def edit_issue(self, number: int, body: str, *, close: bool) -> Post:
        """Replaces the body of an issue, and closes the issue if `close` is true."""
        change = {"body": body, **({"state": "closed"} if close else {})}
        return post_of(self._connection.call("PATCH", f"/issues/{number}", change), "number")


def _pull_request(item: Any) -> PullRequest:
    return PullRequest(
        number=item["number"],
        base=item["base"]["ref"],
        head=item["head"]["sha"],
        is_open=item["state"] == "open",
        # Before the merge, `merge_commit_sha` is a temporary merge commit.
        merge=(item["merge_commit_sha"] or "") if item["merged_at"] else "",
        merged_at=item["merged_at"] or "",
        # Lists of pull requests do not contain `merged_by`.
        merged_by=(item.get("merged_by") or {}).get("login", ""),
    )
