"""How envsync talks to Azure, as far as a command line can say it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envsync.model.target import DEFAULT_PARALLEL

DEFAULT_TIME_LIMIT: Final = 300.0
"""How long one request is tried again at most, in seconds."""


DEFAULT_STALE: Final = 30.0
"""How long the service may show a version as it was before a write, in seconds."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The settings of one run.

    Attributes:
        parallel: how many requests are under way at once, at most.
        time_limit: seconds after which a request that keeps failing is given up.
        stale: seconds for which the GET of a version may show the state before a write.
        debug_http: a file to which every request is added as one line of JSON, without secrets.
    """

    parallel: int = DEFAULT_PARALLEL
    time_limit: float = DEFAULT_TIME_LIMIT
    stale: float = DEFAULT_STALE
    debug_http: Path | None = None
