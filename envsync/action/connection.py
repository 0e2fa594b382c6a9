"""`Connection`: requests to GitHub's API, with retries, pages and error messages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
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


class GitHubError(EnvsyncError):
    """A call of GitHub's API failed; the message names the call and the reason."""


class Forbidden(GitHubError):
    """GitHub refused a call, because the token is invalid or lacks a permission."""


class Connection:
    """A connection for one repository and one token.

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

    def pages(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Any]:
        """Yields the items of a list, from all pages."""
        query: Mapping[str, str] | None = {**(params or {}), "per_page": "100"}
        while query:
            answer = self._send("GET", self._repository + path, params=query)
            yield from _json(answer, list)
            # Take only the query from the link to the next page. Otherwise, a link to another host
            # would send the token to that host.
            query = dict(parse_qsl(urlsplit(answer.links.get("next", {}).get("url", "")).query))

    def get(self, path: str) -> Any:
        """Returns one resource of the repository."""
        return _json(self._send("GET", self._repository + path), dict)

    def call(self, method: str, path: str, data: Mapping[str, Any]) -> Any:
        """Creates or changes a resource of the repository, and returns the resource."""
        return _json(self._send(method, self._repository + path, json=data), dict)

    def query(self, query: str, variables: Mapping[str, str]) -> Any:
        """Returns the data of a GraphQL query."""
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
                    # Show only the type of the exception, because the message of the exception can
                    # contain the query of the URL.
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
    """Returns the seconds to wait: the time in a response, or `pause` if there is no time."""
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
