"""The settings of the connection to Azure that a command line can change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envsync.model.target import DEFAULT_PARALLEL

DEFAULT_TIME_LIMIT: Final = 300.0
"""Seconds after which a request that keeps failing is given up."""


DEFAULT_STALE: Final = 30.0
"""Seconds for which the GET of a version may return the state before a write."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection settings of one run.

    Attributes:
        parallel: the maximum number of requests under way at once.
        time_limit: seconds after which a request that keeps failing is given up.
        stale: seconds for which the GET of a version may return the state before a write.
        debug_http: a file to which every request is appended as one line of JSON, without secrets.
    """

    parallel: int = DEFAULT_PARALLEL
    time_limit: float = DEFAULT_TIME_LIMIT
    # A stale GET right after a PUT was recorded once (2022-03). Later recordings are not stale.
    stale: float = DEFAULT_STALE
    debug_http: Path | None = None
