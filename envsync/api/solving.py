"""Solves the conda files of a project, and returns their problems."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from envsync.model.errors import EnvsyncError
from envsync.model.wording import install

if TYPE_CHECKING:
    from envsync.model.declaration import Declaration
    from envsync.model.problem import Problem
    from envsync.project.settings.config import Config
    from envsync.solving.request import Request, Result


class Solved(Struct, frozen=True):
    """The result of solving the conda files of a project.

    Attributes:
        problems: the problems, sorted by file, line and column.
        solved: the number of different specifications that were solved in this run.
        cached: the number of specifications whose result comes from an earlier run.
        unsolved: the number of specifications that were not solved, because a channel cannot be
            read.
    """

    problems: tuple[Problem, ...]
    solved: int
    cached: int
    unsolved: int

    @property
    def summary(self) -> str:
        """The number of specifications by outcome, as one sentence."""
        counts = {
            "solved": self.solved,
            "solved in an earlier run": self.cached,
            "not solved": self.unsolved,
        }
        listed = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"Conda specifications for linux-64: {listed or 'none'}."


def solve_conda_files(
    config: Config,
    declarations: Iterable[Declaration],
    channels: Sequence[str] = (),
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> Solved:
    """Finds out whether the packages of each conda file can be installed on its image.

    Reads channels over the network. Keeps results in `.envsync/` of the project.

    Args:
        config: the settings of the project.
        declarations: the environments whose conda files are solved.
        channels: names and addresses of channels that replace the channels of the files.
        advance: a function that is called with the number of finished and of all specifications.

    Raises:
        EnvsyncError: py-rattler is not installed.
    """
    try:
        from envsync.solving.solver import NAME, Solver
    except ModuleNotFoundError as error:
        # If any other module is missing, this is a bug and not a missing extra.
        if (error.name or "").partition(".")[0] != "rattler":
            raise
        message = f"--solve needs the package py-rattler: {install('solve')}"
        raise EnvsyncError(message) from error
    from envsync.project.files import Files
    from envsync.solving.cache import Cache
    from envsync.solving.channels import absolute
    from envsync.solving.conda_files import Findings, conda_files

    found = tuple(
        conda_files(config.root, declarations, absolute(channels, Path.cwd()), os.environ)
    )
    cache = Cache(config.root / ".envsync", NAME)
    results: dict[Request, Result] = {}
    # Several environments often have the same conda file. A dict contains each request once.
    requests = dict.fromkeys(conda.request for conda in found)
    for request in requests:
        kept = cache.read(request)
        if kept is not None:
            results[request] = kept
    cached = len(results)

    def done(request: Request, result: Result) -> None:
        results[request] = result
        cache.write(request, result)
        advance(len(results), len(requests))

    if cached < len(requests):
        advance(cached, len(requests))
        missing = [request for request in requests if request not in results]

        async def solve() -> None:
            # The constructor of `Solver` needs the event loop.
            await Solver().solve(missing, done)

        asyncio.run(solve())
        cache.remove_old()
    findings = Findings(Files.below(config.root), config.rules)
    for conda in found:
        findings.add(conda, results[conda.request])
    unsolved = sum(bool(result.unreachable) for result in results.values())
    return Solved(
        tuple(sorted(findings.problems, key=attrgetter("order"))),
        solved=len(requests) - cached - unsolved,
        cached=cached,
        unsolved=unsolved,
    )
