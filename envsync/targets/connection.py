"""The settings of the connection to Azure that a command line can change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from envsync.model.target import DEFAULT_PARALLEL

DEFAULT_TIME_LIMIT: Final = 300.0
"""Seconds after which a failing request is no longer retried."""


DEFAULT_STALE: Final = 30.0
"""Seconds after a write during which a GET of the version may return the old state."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection settings of one run.

    Attributes:
        parallel: the maximum number of concurrent requests.
        time_limit: seconds after which a failing request is no longer retried.
        stale: seconds after a write during which a GET of the version may return the old state.
        debug_http: a file to which every request is appended as one line of JSON, without secrets.
    """

    parallel: int = DEFAULT_PARALLEL
    time_limit: float = DEFAULT_TIME_LIMIT
    # One recording (2022-03) shows a stale GET right after a PUT. Later recordings show none.
    stale: float = DEFAULT_STALE
    debug_http: Path | None = None
