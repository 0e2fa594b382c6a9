"""Which handler answers a request: by host, method and path.

The resource manager compares the fixed words of a path without case, and names with it, which is
why these are not Starlette's own routes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote

from envsync.emulator.service.tokens import Caller
from envsync.model.canonical import JSON

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, once it is known who asks and for what.

    Attributes:
        host: in lower case, without a port.
        names: what stands for the placeholders of the path.
        query: its parameters; of several with one name, the last.
        body: the JSON that was sent, or the form as a mapping; None without any.
        caller: None where nobody has to log in.
    """

    method: str
    host: str
    path: str
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: JSON = None
    caller: Caller | None = None

    @property
    def url(self) -> str:
        """The address without its query, as it was before it was decoded."""
        return f"https://{self.host}{quote(self.path)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered. `content` is JSON; `empty` answers have no body at all."""

    content: JSON = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    empty: bool = False


Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked for.

    Attributes:
        action: the permission that it needs, as role definitions name it, below
            `Microsoft.MachineLearningServices`; None where nobody has to log in.
    """

    host: str
    method: str
    pattern: re.Pattern[str]
    action: str | None
    handler: Handler

    @property
    def writes(self) -> bool:
        """Whether the role Reader does not cover it."""
        return self.action is not None and not self.action.endswith("/read")


def endpoint(host: str, method: str, path: str, action: str | None, handler: Handler) -> Endpoint:
    """An endpoint; `{name}` in the path is one segment, matched with case."""
    return Endpoint(host, method, pattern(path), action, handler)


def pattern(path: str) -> re.Pattern[str]:
    """What the paths of an endpoint look like; each `{name}` is a group of that name."""
    parts = _PLACEHOLDER.split(path)
    text = "".join(
        f"(?P<{part}>[^/]+)" if index % 2 else f"(?i:{re.escape(part)})"
        for index, part in enumerate(parts)
    )
    return re.compile(text)


def find(
    endpoints: Sequence[Endpoint], host: str, method: str, path: str
) -> tuple[Endpoint, dict[str, str]] | None:
    """The endpoint that answers, and what the path's placeholders stand for."""
    for candidate in endpoints:
        if candidate.host == host and candidate.method == method:
            match = candidate.pattern.fullmatch(path)
            if match is not None:
                return candidate, match.groupdict()
    return None
