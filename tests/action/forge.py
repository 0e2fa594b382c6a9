"""A fake GitHub on loopback with the API calls that the action makes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from graphql import build_schema, graphql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

REPOSITORY = "contoso/models"
BOT = "github-actions[bot]"
TOKEN = "ghs_of-the-job"
READ_ONLY = "ghs_of-a-fork"

_SCHEMA = build_schema("""
    interface Actor { login: String! }
    type User implements Actor { login: String! }
    type Bot implements Actor { login: String! }
    interface Node { id: ID! }
    type IssueComment implements Node {
        id: ID!, body: String!, createdAt: String!, lastEditedAt: String, editor: Actor
    }
    type Query { viewer: User!, node(id: ID!): Node }
""")


@dataclass
class Text:
    """A comment, an issue, or a pull request in a list of issues.

    Attributes:
        editor: the login of the last editor; empty for a deleted account, None without an edit.
        created: when the text was created.
        edited: when the text was last edited; empty without an edit.
    """

    id: int
    author: str
    body: str
    editor: str | None = None
    title: str = ""
    state: str = "open"
    created: str = ""
    edited: str = ""
    is_pull_request: bool = False

    def json(self, url: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": self.id,
            "node_id": f"NODE_{self.id}",
            "user": {"login": self.author, "type": "Bot" if "[bot]" in self.author else "User"},
            "body": self.body,
            "title": self.title,
            "state": self.state,
            "html_url": url,
            **({"pull_request": {"html_url": url}} if self.is_pull_request else {}),
        }


@dataclass
class Forge:
    """The content of a repository, and the behaviour of GitHub.

    Attributes:
        url: the URL of the server.
        tokens: the login of the owner, and whether the token may write, by token.
        comments: the comments of each pull request, by its number.
        issues: the issues, oldest first.
        pulls: the response of `commits/SHA/pulls`, by commit.
        opened: the response of `pulls/NUMBER`, by number.
        reviews: the response of `pulls/NUMBER/reviews`, by number.
        branches: the newest commit of each branch, by name.
        faults: responses to the next requests: status, headers and an optional body. If an item is
            None, the request gets the normal response.
        objects: the blobs, trees and commits, by id. A tree maps paths to modes and blobs.
        proposed: the pull requests that the action opened, by number.
        forbids_pulls: whether a setting forbids that the action opens pull requests.
        requests: method and path of each request so far.
        ids: the id of the last comment.
        seconds: the clock of GitHub. Each event takes one second.
    """

    url: str = ""
    tokens: dict[str, tuple[str, bool]] = field(
        default_factory=lambda: {TOKEN: (BOT, True), READ_ONLY: (BOT, False)}
    )
    comments: dict[int, list[Text]] = field(default_factory=dict)
    issues: list[Text] = field(default_factory=list)
    pulls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[tuple[int, dict[str, str]] | tuple[int, dict[str, str], str] | None] = field(
        default_factory=list
    )
    objects: dict[str, Any] = field(default_factory=dict)
    proposed: dict[int, dict[str, Any]] = field(default_factory=dict)
    forbids_pulls: bool = False
    requests: list[str] = field(default_factory=list)
    ids: int = 3_000_000_000  # like on GitHub, too large for 32 bits
    opened: dict[int, dict[str, Any]] = field(default_factory=dict)
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    seconds: int = 0

    def time(self) -> str:
        """Returns the time, and advances the clock."""
        self.seconds += 1
        minutes, seconds = divmod(self.seconds, 60)
        return f"2026-11-20T10:{minutes:02}:{seconds:02}Z"

    def write_comment(self, number: int, author: str, body: str) -> Text:
        self.ids += 1
        text = Text(self.ids, author, body, created=self.time())
        self.comments.setdefault(number, []).append(text)
        return text

    def edit_comment(self, text: Text, editor: str, body: str) -> None:
        text.body, text.editor, text.edited = body, editor, self.time()

    def open(self, number: int, head: str, base: str = "main") -> None:
        """Opens a pull request, opens it again, or pushes a commit to it."""
        self.opened[number] = {
            "number": number,
            "state": "open",
            "base": {"ref": base},
            "head": {"sha": head},
            "merged_at": None,
            # A temporary merge commit.
            "merge_commit_sha": "f" * 40,
            "merged_by": None,
        }

    def close(self, number: int) -> None:
        """Closes a pull request without a merge."""
        self.opened[number]["state"] = "closed"

    def merge(self, sha: str, number: int, base: str = "main", *, at: str | None = None) -> None:
        """Merges a pull request with a merge that contains a commit.

        Args:
            sha: the commit.
            number: the number of the pull request.
            base: the branch that the pull request was merged into.
            at: the last commit of the merge, if it is not `sha`.
        """
        if number not in self.opened:
            self.open(number, "def", base)
        self.opened[number] |= {
            "state": "closed",
            "merged_at": self.time(),
            "merge_commit_sha": at or sha,
            "merged_by": {"login": "octocat"},
        }
        self.branches[base] = at or sha
        # Lists of pull requests do not contain `merged_by`.
        listed = {key: item for key, item in self.opened[number].items() if key != "merged_by"}
        self.pulls.setdefault(sha, []).append(listed)

    def keep(self, value: Any) -> str:
        """Keeps a blob, a tree or a commit, and returns its id."""
        data = json.dumps(value, sort_keys=True).encode()
        sha = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self.objects[sha] = value
        return sha

    def push(self, branch: str, sha: str, message: str, parents: Sequence[str] = ()) -> None:
        """Sets the newest commit of a branch, as `git push` does."""
        tree = self.keep({})
        self.objects[sha] = {"message": message, "tree": tree, "parents": [*parents]}
        self.branches[branch] = sha

    def content(self, branch: str) -> dict[str, str]:
        """Returns the text of each file that a commit of the action changed, by path."""
        tree = self.objects[self.objects[self.branches[branch]]["tree"]]
        return {path: self.objects[blob] for path, (_, blob) in tree.items()}

    def review(self, number: int, login: str, commit: str, state: str = "APPROVED") -> None:
        found = {"user": {"login": login}, "state": state, "commit_id": commit}
        self.reviews.setdefault(number, []).append(found)


@contextmanager
def serving() -> Iterator[Forge]:
    """Runs the server while the block runs."""
    forge = Forge()
    config = uvicorn.Config(
        _app(forge), port=0, log_config=None, lifespan="off", ws="none", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.005)
        address = server.servers[0].sockets[0].getsockname()
        forge.url = f"http://127.0.0.1:{address[1]}"
        yield forge
    finally:
        server.should_exit = True
        thread.join()


def _app(forge: Forge) -> Starlette:
    """Returns the routes of GitHub, and below `/api` the routes of GitHub Enterprise Server."""
    return Starlette(
        routes=[
            *_routes(forge, "", "/graphql"),
            *_routes(forge, "/api/v3", "/api/graphql"),
        ]
    )


def _routes(forge: Forge, rest: str, graphql: str) -> list[Route]:
    at = f"{rest}/repos/{REPOSITORY}"
    return [
        Route(graphql, _Endpoint(forge, _graphql, reads=True), methods=["POST"]),
        Route(at + "/commits/{sha}/pulls", _Endpoint(forge, _pulls)),
        Route(at + "/pulls/{number:int}", _Endpoint(forge, _pull), methods=["GET", "PATCH"]),
        Route(at + "/pulls/{number:int}/reviews", _Endpoint(forge, _reviews)),
        Route(at + "/pulls", _Endpoint(forge, _proposals), methods=["GET", "POST"]),
        Route(at + "/git/matching-refs/heads/{branch:path}", _Endpoint(forge, _matching)),
        Route(at + "/git/refs", _Endpoint(forge, _set_branch), methods=["POST"]),
        Route(
            at + "/git/refs/heads/{branch:path}", _Endpoint(forge, _set_branch), methods=["PATCH"]
        ),
        Route(at + "/git/blobs", _Endpoint(forge, _write_blob), methods=["POST"]),
        Route(at + "/git/trees", _Endpoint(forge, _write_tree), methods=["POST"]),
        Route(at + "/git/commits", _Endpoint(forge, _write_commit), methods=["POST"]),
        Route(at + "/git/commits/{sha}", _Endpoint(forge, _commit)),
        Route(at + "/git/ref/heads/{branch:path}", _Endpoint(forge, _branch)),
        Route(at + "/issues", _Endpoint(forge, _issues), methods=["GET", "POST"]),
        Route(at + "/issues/{number:int}", _Endpoint(forge, _issue), methods=["PATCH"]),
        Route(
            at + "/issues/{number:int}/comments",
            _Endpoint(forge, _comments),
            methods=["GET", "POST"],
        ),
        Route(at + "/issues/comments/{id:int}", _Endpoint(forge, _comment), methods=["PATCH"]),
    ]


class _Endpoint:
    """Checks the token and its permission, and returns the configured faults."""

    def __init__(self, forge: Forge, answer: Any, *, reads: bool = False) -> None:
        self._forge, self._answer, self._reads = forge, answer, reads

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive, send)
        response: Response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        forge = self._forge
        forge.requests.append(f"{request.method} {request.url.path}")
        if forge.faults and (fault := forge.faults.pop(0)):
            status, headers, *text = fault
            return Response((text or ['{"message": "No."}'])[0], status, headers)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in forge.tokens:
            return JSONResponse({"message": "Bad credentials"}, 401)
        login, writes = forge.tokens[token]
        if request.method != "GET" and not writes and not self._reads:
            return JSONResponse({"message": "Resource not accessible by integration"}, 403)
        data = await request.json() if request.method != "GET" else {}
        if len(data.get("body", "")) > 65_536:
            return JSONResponse({"message": "Validation Failed"}, 422)
        result: Response = await self._answer(forge, request, login, data)
        return result


def _page(forge: Forge, request: Request, items: list[Any]) -> Response:
    """Returns one page, with a link to the next page."""
    size = min(int(request.query_params.get("per_page", 30)), 100)
    page = int(request.query_params.get("page", 1))
    headers = {}
    if page * size < len(items):
        query = request.url.include_query_params(page=page + 1).query
        headers["link"] = f'<{forge.url}{request.url.path}?{query}>; rel="next"'
    return JSONResponse(items[(page - 1) * size : page * size], headers=headers)


async def _pulls(forge: Forge, request: Request, _login: str, _data: Any) -> Response:
    return _page(forge, request, forge.pulls.get(request.path_params["sha"], []))


async def _pull(forge: Forge, request: Request, _login: str, data: Any) -> Response:
    if request.method == "PATCH":
        proposed = forge.proposed[request.path_params["number"]]
        proposed.update(data)
        return JSONResponse(proposed)
    found = forge.opened.get(request.path_params["number"])
    return JSONResponse(found or {"message": "Not Found"}, 200 if found else 404)


async def _reviews(forge: Forge, request: Request, _login: str, _data: Any) -> Response:
    return _page(forge, request, forge.reviews.get(request.path_params["number"], []))


async def _branch(forge: Forge, request: Request, _login: str, _data: Any) -> Response:
    found = forge.branches.get(request.path_params["branch"])
    if found is None:
        return JSONResponse({"message": "Not Found"}, 404)
    return JSONResponse({"object": {"type": "commit", "sha": found}})


async def _proposals(forge: Forge, request: Request, login: str, data: Any) -> Response:
    if request.method == "GET":
        query = request.query_params
        found = [
            item
            for item in reversed(forge.proposed.values())
            if item["state"] == query["state"]
            and (f"contoso:{item['head']}", item["base"]) == (query["head"], query["base"])
        ]
        return _page(forge, request, found)
    if forge.forbids_pulls:
        text = "GitHub Actions is not permitted to create or approve pull requests."
        return JSONResponse({"message": text}, 403)
    number = 100 + len(forge.proposed)
    url = f"{forge.url}/{REPOSITORY}/pull/{number}"
    user = {"login": login, "type": "Bot"}
    forge.proposed[number] = {
        **data,
        "number": number,
        "node_id": f"PR_{number}",
        "state": "open",
        "html_url": url,
        "user": user,
    }
    return JSONResponse(forge.proposed[number], 201)


async def _matching(forge: Forge, request: Request, _login: str, _data: Any) -> Response:
    found = [
        {"ref": f"refs/heads/{name}", "object": {"type": "commit", "sha": sha}}
        for name, sha in sorted(forge.branches.items())
        if name.startswith(request.path_params["branch"])
    ]
    return _page(forge, request, found)


async def _set_branch(forge: Forge, request: Request, _login: str, data: Any) -> Response:
    name = request.path_params.get("branch") or data["ref"].removeprefix("refs/heads/")
    if (name in forge.branches) != (request.method == "PATCH"):
        return JSONResponse({"message": "Reference already exists"}, 422)
    forge.branches[name] = data["sha"]
    return JSONResponse({"ref": f"refs/heads/{name}", "object": {"sha": data["sha"]}})


async def _write_blob(forge: Forge, _request: Request, _login: str, data: Any) -> Response:
    assert data["encoding"] == "base64"
    return JSONResponse({"sha": forge.keep(base64.b64decode(data["content"]).decode())}, 201)


async def _write_tree(forge: Forge, _request: Request, _login: str, data: Any) -> Response:
    tree = dict(forge.objects[data["base_tree"]])
    tree.update({item["path"]: (item["mode"], item["sha"]) for item in data["tree"]})
    return JSONResponse({"sha": forge.keep(tree)}, 201)


async def _write_commit(forge: Forge, _request: Request, _login: str, data: Any) -> Response:
    return JSONResponse({"sha": forge.keep(data)}, 201)


async def _commit(forge: Forge, request: Request, _login: str, _data: Any) -> Response:
    sha = request.path_params["sha"]
    found = forge.objects.get(sha)
    if found is None:
        return JSONResponse({"message": "Not Found"}, 404)
    parents = [{"sha": parent} for parent in found["parents"]]
    data = {"sha": sha, "tree": {"sha": found["tree"]}, "parents": parents}
    return JSONResponse({**data, "message": found["message"]})


async def _comments(forge: Forge, request: Request, login: str, data: Any) -> Response:
    number = request.path_params["number"]
    if request.method == "POST":
        text = forge.write_comment(number, login, data["body"])
        return JSONResponse(text.json(_url(forge, number, text)), 201)
    found = forge.comments.get(number, [])
    return _page(forge, request, [text.json(_url(forge, number, text)) for text in found])


async def _comment(forge: Forge, request: Request, login: str, data: Any) -> Response:
    for number, texts in forge.comments.items():
        for text in texts:
            if text.id == request.path_params["id"]:
                forge.edit_comment(text, login, data["body"])
                return JSONResponse(text.json(_url(forge, number, text)))
    return JSONResponse({"message": "Not Found"}, 404)


def _url(forge: Forge, number: int, text: Text) -> str:
    return f"{forge.url}/{REPOSITORY}/pull/{number}#issuecomment-{text.id}"


async def _issues(forge: Forge, request: Request, login: str, data: Any) -> Response:
    if request.method == "POST":
        text = Text(len(forge.issues) + 1, login, data["body"], title=data["title"])
        forge.issues.append(text)
        return JSONResponse(text.json(f"{forge.url}/issues/{text.id}"), 201)
    found = [
        text.json(f"{forge.url}/issues/{text.id}")
        for text in reversed(forge.issues)
        if text.state == request.query_params.get("state", "open")
        and text.author == request.query_params.get("creator", text.author)
    ]
    return _page(forge, request, found)


async def _issue(forge: Forge, request: Request, _login: str, data: Any) -> Response:
    text = forge.issues[request.path_params["number"] - 1]
    text.body, text.state = data["body"], data.get("state", text.state)
    return JSONResponse(text.json(f"{forge.url}/issues/{text.id}"))


async def _graphql(forge: Forge, _request: Request, login: str, data: Any) -> Response:
    def actor(name: str | None) -> dict[str, str] | None:
        if not name:
            return None
        kind = "Bot" if name.endswith("[bot]") else "User"
        return {"__typename": kind, "login": name.removesuffix("[bot]")}

    def node(_info: Any, **arguments: str) -> dict[str, Any] | None:
        wanted = arguments["id"]
        for texts in forge.comments.values():
            for text in texts:
                if f"NODE_{text.id}" == wanted:
                    return {
                        "__typename": "IssueComment",
                        "body": text.body,
                        "editor": actor(text.editor),
                        "createdAt": text.created,
                        "lastEditedAt": None if text.editor is None else text.edited,
                    }
        return None

    root = {"viewer": {"login": login}, "node": node}
    result = await graphql(_SCHEMA, data["query"], root, variable_values=data.get("variables"))
    return JSONResponse(result.formatted)
