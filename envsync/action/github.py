"""`GitHub`: the few calls of GitHub's API that the action makes, GitHub Enterprise included.

https://docs.github.com/rest, version 2022-11-28. What GraphQL is used for, REST does not tell: who
a token belongs to, and who edited a comment.
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
_PAUSES: Final = (1.0, 2.0, 4.0)
_LONGEST_WAIT: Final = 60.0
_BUSY: Final = frozenset({500, 502, 503, 504})
_EDIT_QUERY: Final = """\
query ($id: ID!) {
  node(id: $id) { ... on IssueComment { body lastEditedAt editor { __typename login } } }
}
"""


class GitHubError(EnvsyncError):
    """A call of GitHub's API failed; the message says which and why."""


class Forbidden(GitHubError):
    """The token may not do that."""


@dataclass(frozen=True, slots=True)
class Post:
    """A comment, or the first text of an issue.

    Attributes:
        id: what it is changed by: a comment's id, an issue's number.
        node: the same for GraphQL.
        author: login of who wrote it; a bot's ends with `[bot]`.
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
        merge: the newest commit that the merge added to the base branch.
    """

    number: int
    base: str
    merge: str


class GitHub:
    """One repository, as one token sees it.

    Args:
        repository: `owner/name`.
        token: never part of a message.
        api: address of the REST API, without `/` at the end.
        graphql: address of the GraphQL API.
    """

    def __init__(self, repository: str, token: str, api: str, graphql: str) -> None:
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
        # Without this, an entry for the host in ~/.netrc would replace the token.
        self._session.auth = lambda request: request
        self._login: str | None = None

    @property
    def login(self) -> str:
        """Who the token belongs to; a bot's login ends with `[bot]`."""
        if self._login is None:
            self._login = str(self._ask("query { viewer { login } }", {})["viewer"]["login"])
        return self._login

    def merged_with(self, sha: str) -> tuple[PullRequest, ...]:
        """The merged pull requests that a commit belongs to."""
        return tuple(
            PullRequest(item["number"], item["base"]["ref"], item["merge_commit_sha"] or "")
            for item in self._pages(f"/commits/{sha}/pulls")
            if item["merged_at"]
        )

    def comments(self, number: int) -> Iterator[Post]:
        """The comments of a pull request, oldest first."""
        return (_post(item, "id") for item in self._pages(f"/issues/{number}/comments"))

    def comment(self, number: int, body: str) -> Post:
        """Writes a comment."""
        return _post(self._call("POST", f"/issues/{number}/comments", {"body": body}), "id")

    def edit_comment(self, identifier: int, body: str) -> Post:
        """Writes a comment anew."""
        return _post(self._call("PATCH", f"/issues/comments/{identifier}", {"body": body}), "id")

    def last_edit(self, post: Post) -> tuple[str, str | None]:
        """A comment's text, and who wrote it last if that is an edit, both of the same moment.

        Raises:
            GitHubError: the comment is not there any more, or GitHub does not show it.
        """
        node = self._ask(_EDIT_QUERY, {"id": post.node})["node"]
        if not node:
            raise GitHubError(f"GitHub does not show {post.url} any more. Run the job again.")
        editor = node["editor"]
        if editor is None:
            return node["body"], "a deleted account" if node["lastEditedAt"] else None
        bot = "[bot]" if editor["__typename"] == "Bot" else ""
        return node["body"], str(editor["login"]) + bot

    def open_issues(self) -> Iterator[Post]:
        """The open issues that the token's owner wrote, newest first."""
        creator = {"state": "open", "creator": self.login}
        found = self._pages("/issues", creator)
        return (_post(item, "number") for item in found if "pull_request" not in item)

    def open_issue(self, title: str, body: str) -> Post:
        """Opens an issue."""
        return _post(self._call("POST", "/issues", {"title": title, "body": body}), "number")

    def edit_issue(self, number: int, body: str, *, close: bool) -> Post:
        """Writes the text of an issue anew, and closes it if asked to."""
        change = {"body": body, **({"state": "closed"} if close else {})}
        return _post(self._call("PATCH", f"/issues/{number}", change), "number")

    def _pages(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Any]:
        query: Mapping[str, str] | None = {**(params or {}), "per_page": "100"}
        while query:
            answer = self._send("GET", self._repository + path, params=query)
            yield from _json(answer, list)
            # No more of the link than its query: the token goes to no other address.
            query = dict(parse_qsl(urlsplit(answer.links.get("next", {}).get("url", "")).query))

    def _call(self, method: str, path: str, data: Mapping[str, str]) -> Any:
        return _json(self._send(method, self._repository + path, json=data), dict)

    def _ask(self, query: str, variables: Mapping[str, str]) -> Any:
        answer = _json(
            self._send("POST", self._graphql, json={"query": query, "variables": dict(variables)}),
            dict,
        )
        if errors := answer.get("errors"):
            raise GitHubError(f"GitHub's GraphQL API refused: {errors[0].get('message')}")
        return answer["data"]

    def _send(self, method: str, url: str, **body: Any) -> requests.Response:
        """Sends a request, again where GitHub is busy, unless it might then be carried out twice.

        Raises:
            GitHubError: it was refused, or GitHub cannot be reached.
        """
        import requests

        repeatable = method != "POST" or url == self._graphql
        for pause in (*_PAUSES, None):
            try:
                answer = self._session.request(method, url, timeout=_TIMEOUT, **body)
            except requests.RequestException as error:
                if pause is None or not repeatable:
                    kind = type(error).__name__
                    raise GitHubError(f"{self._api} cannot be reached: {kind}.") from error
                wait = pause
            else:
                if answer.ok:
                    return answer
                limited = _is_limited(answer)
                again = limited or (repeatable and answer.status_code in _BUSY)
                wait = _wait(answer, pause or 0)
                if pause is None or not again or wait > _LONGEST_WAIT:
                    raise _error(answer, limited=limited)
            time.sleep(wait)
        raise AssertionError  # after the last pause everything returns or raises


def _post(item: Any, key: str) -> Post:
    author = (item.get("user") or {}).get("login", "")
    return Post(item[key], item["node_id"], author, item.get("body") or "", item["html_url"])


def _json(answer: requests.Response, kind: type) -> Any:
    try:
        data = answer.json()
    except ValueError:
        data = None
    if not isinstance(data, kind):
        raise GitHubError(f"{answer.url} did not answer as GitHub does.")
    return data


def _is_limited(answer: requests.Response) -> bool:
    """Whether a limit refused a request, which has then not been carried out.

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
    """Seconds until a request may be sent again; `pause` where the answer does not say."""
    after = answer.headers.get("retry-after", "")
    reset = answer.headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return float(after)
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(0.0, float(reset) - time.time()) + 1
    return pause


def _error(answer: requests.Response, *, limited: bool) -> GitHubError:
    try:
        reason = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        reason = answer.reason or ""
    told = f"{answer.request.method} {answer.url.partition('?')[0]}: {answer.status_code} {reason}"
    if limited:
        return GitHubError(f"GitHub's rate limit is used up ({told}). Run the job again later.")
    if answer.status_code == 401:
        return Forbidden(f"GitHub does not take the token ({told}). Check the input `token`.")
    if answer.status_code == 403:
        return Forbidden(f"The token may not do that ({told}). Check the job's `permissions`.")
    if answer.status_code == 404:
        return Forbidden(
            f"GitHub shows the token nothing there ({told}). Check the job's `permissions`."
        )
    return GitHubError(f"GitHub answered with an error ({told}).")
