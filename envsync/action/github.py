"""`GitHub`: a client for GitHub's API, with the calls that the action needs.

The client works with GitHub Enterprise Server as well. The client uses version 2022-11-28 of the
REST API (https://docs.github.com/rest). The REST API does not return the owner of a token or the
editor of a comment, so the client reads both with GraphQL.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from envsync.model.errors import EnvsyncError

if TYPE_CHECKING:
    import requests

_TIMEOUT: Final = (10, 30)
"""Maximum seconds to wait for a connection, and for each part of a response."""

_PAUSES: Final = (1.0, 2.0, 4.0)
"""Seconds to wait before the first, second and third repetition of a request."""

_LONGEST_WAIT: Final = 60.0
"""Maximum number of seconds to wait until GitHub's rate limit allows another request. A waiting job
costs money."""

_BUSY: Final = frozenset({500, 502, 503, 504})
_EDIT_QUERY: Final = """\
query ($id: ID!) {
  node(id: $id) { ... on IssueComment { body lastEditedAt editor { __typename login } } }
}
"""


class GitHubError(EnvsyncError):
    """A call of GitHub's API failed; the message names the call and the reason."""


class Forbidden(GitHubError):
    """GitHub refused a call, because the token is invalid or lacks a permission."""


@dataclass(frozen=True, slots=True)
class Post:
    """A comment or an issue.

    Attributes:
        id: the id of a comment, or the number of an issue.
        node: the id of the comment or issue in GraphQL.
        author: the login of the author. The login of a bot ends with `[bot]`.
        body: the text in Markdown.
        url: the URL of the page on GitHub.
    """

    id: int
    node: str
    author: str
    body: str
    url: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A merged pull request.

    Attributes:
        number: the number.
        base: the branch that the pull request was merged into.
        merge: the newest commit that the merge added to that branch.
    """

    number: int
    base: str
    merge: str


class GitHub:
    """A client for one repository and one token.

    Args:
        repository: `owner/name`.
        token: the token for GitHub's API. No message contains the token.
        api: the URL of the REST API, without `/` at the end.
        graphql: the URL of the GraphQL API.
    """

    def __init__(self, repository: str, token: str, *, api: str, graphql: str) -> None:
        import requests

        self._api = api
        self._graphql = graphql
        self._repository = f"{api}/repos/{repository}"
        self._session: requests.Session = requests.Session()
        self._session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {token}",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "envsync-action",
            }
        )
        # Without this line, `requests` would send a password from ~/.netrc instead of the token.
        # https://requests.readthedocs.io/en/latest/user/authentication/#netrc-authentication
        self._session.auth = lambda request: request
        self._login: str | None = None

    @property
    def login(self) -> str:
        """The login of the token's owner. The login of a bot ends with `[bot]`."""
        if self._login is None:
            self._login = str(self._query("query { viewer { login } }", {})["viewer"]["login"])
        return self._login

    def merged_with(self, sha: str) -> tuple[PullRequest, ...]:
        """Returns the merged pull requests that contain a commit."""
        return tuple(
            PullRequest(item["number"], item["base"]["ref"], item["merge_commit_sha"] or "")
            for item in self._pages(f"/commits/{sha}/pulls")
            if item["merged_at"]
        )

    def comments(self, number: int) -> Iterator[Post]:
        """Returns the comments of a pull request, oldest first."""
        return (_post(item, "id") for item in self._pages(f"/issues/{number}/comments"))

    def create_comment(self, number: int, body: str) -> Post:
        """Writes a comment on a pull request."""
        return _post(self._call("POST", f"/issues/{number}/comments", {"body": body}), "id")

    def edit_comment(self, identifier: int, body: str) -> Post:
        """Replaces the body of a comment."""
        return _post(self._call("PATCH", f"/issues/comments/{identifier}", {"body": body}), "id")

    def last_edit(self, post: Post) -> tuple[str, str | None]:
        """Returns the body and the last editor of a comment, read in one request.

        The editor is None if the comment was never edited.

        Raises:
            GitHubError: the comment was deleted, or the token may not read it.
        """
        node = self._query(_EDIT_QUERY, {"id": post.node})["node"]
        if not node:
            raise GitHubError(
                f"The comment {post.url} was deleted or is hidden. Run the job again."
            )
        editor = node["editor"]
        if editor is None:
            # The editor is also null if the account of the editor was deleted.
            return node["body"], "a deleted account" if node["lastEditedAt"] else None
        bot = "[bot]" if editor["__typename"] == "Bot" else ""
        return node["body"], str(editor["login"]) + bot

    def open_issues(self) -> Iterator[Post]:
        """Returns the open issues that the token's owner wrote, newest first."""
        creator = {"state": "open", "creator": self.login}
        found = self._pages("/issues", creator)
        # The REST API also lists pull requests as issues: https://docs.github.com/rest/issues/issues
        return (_post(item, "number") for item in found if "pull_request" not in item)

    def create_issue(self, title: str, body: str) -> Post:
        """Opens an issue."""
        return _post(self._call("POST", "/issues", {"title": title, "body": body}), "number")

    def edit_issue(self, number: int, body: str, *, close: bool) -> Post:
        """Replaces the body of an issue, and closes the issue if `close` is true."""
        change = {"body": body, **({"state": "closed"} if close else {})}
        return _post(self._call("PATCH", f"/issues/{number}", change), "number")

    def _pages(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Any]:
        query: Mapping[str, str] | None = {**(params or {}), "per_page": "100"}
        while query:
            answer = self._send("GET", self._repository + path, params=query)
            yield from _json(answer, list)
            # Take only the query from the link to the next page. Otherwise, a link to another host
            # would send the token to that host.
            query = dict(parse_qsl(urlsplit(answer.links.get("next", {}).get("url", "")).query))

    def _call(self, method: str, path: str, data: Mapping[str, str]) -> Any:
        return _json(self._send(method, self._repository + path, json=data), dict)

    def _query(self, query: str, variables: Mapping[str, str]) -> Any:
        answer = _json(
            self._send("POST", self._graphql, json={"query": query, "variables": dict(variables)}),
            dict,
        )
        if errors := answer.get("errors"):
            raise GitHubError(f"GitHub's GraphQL API returned an error: {errors[0].get('message')}")
        return answer["data"]

    def _send(self, method: str, url: str, **body: Any) -> requests.Response:
        """Sends a request, and repeats it if GitHub is busy and repeating is safe.

        Raises:
            GitHubError: GitHub returned an error, or cannot be reached.
        """
        import requests

        # If the response to a POST is lost, it is unknown whether GitHub executed the request. A
        # repeated POST could write a second comment. GraphQL queries are POST requests, but they
        # only read.
        repeatable = method != "POST" or url == self._graphql
        for pause in (*_PAUSES, None):
            try:
                answer = self._session.request(method, url, timeout=_TIMEOUT, **body)
            except requests.RequestException as error:
                if pause is None or not repeatable:
                    kind = type(error).__name__
                    # Show only the type of the exception: its message can contain the query of the
                    # URL.
                    raise GitHubError(f"{self._api} cannot be reached: {kind}.") from error
                wait = pause
            else:
                if answer.ok:
                    return answer
                # A request above the rate limit was not executed, so even a POST can be repeated.
                limited = _is_limited(answer)
                again = limited or (repeatable and answer.status_code in _BUSY)
                wait = _wait(answer, pause or 0)
                # Waiting longer would cost more than running the job again.
                if pause is None or not again or wait > _LONGEST_WAIT:
                    raise _error(answer, limited=limited)
            time.sleep(wait)
        raise AssertionError  # not reached: the last attempt returns or raises


def _post(item: Any, key: str) -> Post:
    author = (item.get("user") or {}).get("login", "")
    return Post(
        id=item[key],
        node=item["node_id"],
        author=author,
        body=item.get("body") or "",
        url=item["html_url"],
    )


def _json(answer: requests.Response, kind: type) -> Any:
    try:
        data = answer.json()
    except ValueError:
        data = None
    if not isinstance(data, kind):
        raise GitHubError(
            f"The response of {answer.url} does not match the documentation of GitHub's API. Check "
            "GITHUB_API_URL and the proxy of the runner."
        )
    return data


def _is_limited(answer: requests.Response) -> bool:
    """Returns True if GitHub did not execute the request because of a rate limit.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    return answer.status_code == 429 or (
        answer.status_code == 403
        and (
            "retry-after" in answer.headers
            or answer.headers.get("x-ratelimit-remaining") == "0"
            or "rate limit" in answer.text
        )
    )


def _wait(answer: requests.Response, pause: float) -> float:
    """Returns the seconds to wait that a response contains; `pause` if it contains no time."""
    after = answer.headers.get("retry-after", "")
    reset = answer.headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return float(after)
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        # Add one second, because the reset time is in whole seconds.
        return max(0.0, float(reset) - time.time()) + 1
    return pause


def _error(answer: requests.Response, *, limited: bool) -> GitHubError:
    try:
        reason = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        reason = answer.reason or ""
    call = f"{answer.request.method} {answer.url.partition('?')[0]}: {answer.status_code} {reason}"
    if limited:
        return GitHubError(f"GitHub's rate limit is used up ({call}). Run the job again later.")
    if answer.status_code == 401:
        return Forbidden(f"GitHub does not accept the token ({call}). Check the input `token`.")
    if answer.status_code == 403:
        return Forbidden(
            f"The token has no permission for this call ({call}). Check the job's `permissions`."
        )
    if answer.status_code == 404:
        # For private resources that a token may not read, the status is 404 instead of 403.
        return Forbidden(
            f"The resource does not exist, or the token has no permission to read it ({call}). "
            "Check the job's `permissions`."
        )
    return GitHubError(f"GitHub returned an error ({call}).")
