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
"""Seconds for which a failing request is repeated."""

DEFAULT_OPERATION_LIMIT: Final = 900.0
"""Seconds for which envsync waits for a long-running operation.

The service allows one hour (the header `x-ms-async-operation-timeout` in recorded responses), but
registering an environment takes only seconds.
"""

DEFAULT_STALE: Final = 30.0
"""After a write, a GET of a version can return the old state for this number of seconds."""

Advance: TypeAlias = Callable[[int, int], None]
"""Called as `advance(done, total)` while a target is read. `total` is 0 if it is not known yet."""

Reading: TypeAlias = Callable[[], AbstractContextManager[Advance]]
"""Returns a context manager that shows the progress of a read while its block runs."""


def in_silence() -> AbstractContextManager[Advance]:
    """Returns a context manager that shows no progress."""
    return nullcontext(lambda _done, _total: None)


def no_warning(_text: str) -> None:
    """Ignores a warning."""


class Connection(Value, frozen=True):
    """The connection settings of one run.

    Attributes:
        parallel: the maximum number of concurrent requests.
        time_limit: the seconds for which a failing request is repeated.
        operation_limit: the seconds for which envsync waits for a long-running operation. The
            setting `operation_timeout` of a target takes precedence.
        stale: after a write, a GET of a version can return the old state for this number of
            seconds.
        debug_http: a file to which every request is appended as one line of JSON, without secrets.
        warn: a function that is called with a warning, for example about a full disk.
        reading: see `Reading`. The local target is fast, so it shows no progress.
        credentials: the credentials in use, by kind and cloud. Targets share this mapping, so that
            each credential signs in only once.
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
