"""`Post`: a comment, an issue or a pull request."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Post(Struct, frozen=True):
    """A comment, an issue or a pull request.

    Attributes:
        id: the id of a comment, or the number of an issue or a pull request.
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


def post_of(item: Any, key: str) -> Post:
    """Creates a post from a response of GitHub. `key` is the key of the id: `id` or `number`."""
    author = (item.get("user") or {}).get("login", "")
    return Post(
        id=item[key],
        node=item["node_id"],
        author=author,
        body=item.get("body") or "",
        url=item["html_url"],
    )
