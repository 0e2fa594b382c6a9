"""`Proposals`: the calls of GitHub's API that write branches and pull requests.

The REST API creates commits without `git push`, so the checkout needs no credentials. GitHub signs
the commits of bots.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from envsync.action.post import Post, post_of

if TYPE_CHECKING:
    from envsync.action.connection import Connection


class File(Struct, frozen=True):
    """A file of a commit.

    Attributes:
        path: the path relative to the top of the repository, with `/`.
        mode: the mode in git, such as `100644`.
        content: the bytes.
    """

    path: str
    mode: str
    content: bytes


class Commit(Struct, frozen=True):
    """A commit: its id, the id of its tree, the ids of its parents, and its message."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str


class Proposals:
    """The branches and pull requests of one repository."""

    def __init__(self, connection: Connection, repository: str) -> None:
        """Creates the client.

        Args:
            connection: the connection for the repository.
            repository: `owner/name`.
        """
        self._connection = connection
        self._owner = repository.partition("/")[0]

    def commit_of(self, branch: str) -> Commit | None:
        """Returns the newest commit of a branch, or None if the branch does not exist."""
        # GitHub lists all branches whose names start with this name. If no branch matches, the list
        # is empty.
        for item in self._connection.pages(f"/git/matching-refs/heads/{quote(branch)}"):
            if item["ref"] == f"refs/heads/{branch}":
                return self._commit(str(item["object"]["sha"]))
        return None

    def _commit(self, sha: str) -> Commit:
        data = self._connection.get(f"/git/commits/{sha}")
        parents = tuple(item["sha"] for item in data["parents"])
        return Commit(data["sha"], data["tree"]["sha"], parents, data["message"])

    def create_tree(self, parent: str, files: Iterable[File]) -> str:
        """Writes a git tree: the tree of the commit `parent`, with new files. Returns its id."""
        tree = [
            {"path": file.path, "mode": file.mode, "type": "blob", "sha": self._blob(file.content)}
            for file in files
        ]
        data = {"base_tree": self._commit(parent).tree, "tree": tree}
        return str(self._connection.call("POST", "/git/trees", data)["sha"])

    def _blob(self, content: bytes) -> str:
        data = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
        return str(self._connection.call("POST", "/git/blobs", data)["sha"])

    def create_commit(self, message: str, tree: str, parent: str) -> str:
        """Writes a commit, and returns its id. The author is the owner of the token."""
        data = {"message": message, "tree": tree, "parents": [parent]}
        return str(self._connection.call("POST", "/git/commits", data)["sha"])

    def set_branch(self, branch: str, sha: str, *, exists: bool) -> None:
        """Creates a branch, or replaces its newest commit."""
        if exists:
            data = {"sha": sha, "force": True}
            self._connection.call("PATCH", f"/git/refs/heads/{quote(branch)}", data)
        else:
            data = {"ref": f"refs/heads/{branch}", "sha": sha}
            self._connection.call("POST", "/git/refs", data)

    def pull_of(self, branch: str, base: str) -> Post | None:
        """Returns the open pull request of a branch of this repository, or None."""
        query = {"state": "open", "head": f"{self._owner}:{branch}", "base": base}
        found = self._connection.pages("/pulls", query)
        return next((post_of(item, "number") for item in found), None)

    def create_pull(self, branch: str, base: str, title: str, body: str) -> Post:
        """Opens a pull request."""
        data = {"head": branch, "base": base, "title": title, "body": body}
        return post_of(self._connection.call("POST", "/pulls", data), "number")

    def edit_pull(self, number: int, **changes: str) -> Post:
        """Changes the `title`, the `body` or the `state` of a pull request."""
        return post_of(self._connection.call("PATCH", f"/pulls/{number}", changes), "number")
