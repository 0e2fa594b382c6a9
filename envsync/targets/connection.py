"""The settings of the connection to Azure. Command-line options can change these settings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import field

from envsync.model.target import DEFAULT_PARALLEL
from envsync.model.value import Value

DEFAULT_TIME_LIMIT: Final = 300.0
"""Seconds after which a failing request is no longer retried."""

DEFAULT_OPERATION_LIMIT: Final = 900.0
"""Seconds after which envsync stops waiting for a long-running operation.

The service itself gives an operation one hour (the header `x-ms-async-operation-timeout` in
recorded responses), but the registration of an environment takes seconds.
"""

DEFAULT_STALE: Final = 30.0
"""The number of seconds for which a GET of a version can return the old state after a write."""

Advance: TypeAlias = Callable[[int, int], None]
"""`advance(done, total)` is called while a target is read. An unknown `total` is 0."""

Reading: TypeAlias = Callable[[], AbstractContextManager[Advance]]
"""A function that returns a context manager, which shows the progress of reading a target."""


def in_silence() -> AbstractContextManager[Advance]:
    """Returns a context manager that shows no progress."""
    return nullcontext(lambda _done, _total: None)


def no_warning(_text: str) -> None:
    """Ignores a warning."""


class Connection(Value, frozen=True):
    """The connection settings of one run.

    Attributes:
        parallel: the maximum number of concurrent requests.
        time_limit: seconds after which a failing request is no longer retried.
        operation_limit: seconds after which envsync stops waiting for a long-running operation. The
            setting `operation_timeout` of a target takes precedence.
        stale: the number of seconds for which a GET of a version can return the old state after a
            write.
        debug_http: a file to which every request is appended as one line of JSON, without secrets.
        warn: a function that is called with a warning, for example about a full disk.
        reading: shows the progress of a read. The local target is fast and does not show progress.
        credentials: the credentials that are in use, by kind and cloud. Targets that have the same
            mapping sign in once.
    """

    uncompared = ("warn", "reading", "credentials")

    parallel: int = DEFAULT_PARALLEL
    time_limit: float = DEFAULT_TIME_LIMIT
    operation_limit: float = DEFAULT_OPERATION_LIMIT
    # A GET right after a PUT was stale in one recording (2022-03), and not in later recordings.
    stale: float = DEFAULT_STALE
    debug_http: Path | None = None
    warn: Callable[[str], None] = no_warning
    reading: Reading = in_silence
    credentials: dict[tuple[str, str], Any] = field(default_factory=dict)
