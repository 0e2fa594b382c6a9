"""Opens and reads several targets. A target that cannot be read does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from envsync.model.errors import EnvsyncError, InvalidProject, TargetError
from envsync.targets.connection import Advance, Connection
from envsync.targets.kinds import open_target

if TYPE_CHECKING:
    from envsync.model.target import Target
    from envsync.project.project import Project

_Result = TypeVar("_Result")

MOST_AT_ONCE: Final = 8
"""The maximum number of targets that are read at the same time.

Each target has its own connections and threads.
"""


def open_each(
    project: Project,
    names: Iterable[str],
    connection: Callable[[str], Connection],
    stack: ExitStack,
) -> tuple[dict[str, Target], dict[str, str]]:
    """Opens targets. Returns the targets, and the error message of each target that failed.

    Args:
        project: the project whose settings contain the targets.
        names: the names of the targets.
        connection: a function that returns the settings of the connection for a target.
        stack: closes the targets.

    Raises:
        UsageError: the settings contain no target of this name.
    """
    config = project.config
    opened: dict[str, Target] = {}
    failed: dict[str, str] = {}
    credentials: dict[tuple[str, str], Any] = {}
    for name in names:
        settings = replace(connection(name), credentials=credentials)
        try:
            target = open_target(config.target(name), config.root, settings)
        # A variable that is not set, or a package that is missing, concerns only this target.
        except (InvalidProject, TargetError) as error:
            failed[name] = one_line(error)
        else:
            opened[name] = stack.enter_context(closing(target))
    return opened, failed


def read_each(
    reads: Mapping[str, Callable[[], _Result]], advance: Advance
) -> tuple[dict[str, _Result], dict[str, str]]:
    """Reads targets at the same time. Returns the results, and the message of each expected error.

    Args:
        reads: maps the name of each target to a function that reads the target.
        advance: a function that is called with the number of targets that are read, and the number
            of all targets.
    """
    # Imported here, because most plans are for one target, and the import is slow.
    from concurrent.futures import ThreadPoolExecutor, as_completed

    found: dict[str, _Result] = {}
    failed: dict[str, str] = {}
    pool = ThreadPoolExecutor(max_workers=MOST_AT_ONCE)
    try:
        started = {pool.submit(read): name for name, read in reads.items()}
        advance(0, len(started))
        for done, read in enumerate(as_completed(started), start=1):
            advance(done, len(started))
            try:
                found[started[read]] = read.result()
            except EnvsyncError as error:
                failed[started[read]] = str(error)
    finally:
        # After Ctrl-C, do not wait here: the caller closes the targets, and then their reads fail.
        pool.shutdown(wait=False, cancel_futures=True)
    # The reads end in any order. Return the results in the order of `reads`.
    return (
        {name: found[name] for name in reads if name in found},
        {name: failed[name] for name in reads if name in failed},
    )


def one_line(error: Exception) -> str:
    """Returns the message of an error without line breaks."""
    return " ".join(str(error).splitlines())
