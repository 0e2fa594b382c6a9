"""Solves conda dependencies with py-rattler. Only this module imports py-rattler.

The priority of channels is `flexible`, the default of conda.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Final

from rattler import (
    BuildString,
    Channel,
    ChannelPriority,
    Client,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    MultiSource,
    PackageName,
    Version,
    solve,
)
from rattler import __version__ as rattler_version
from rattler.exceptions import GatewayError, InvalidChannelError, InvalidMatchSpecError, SolverError

from envsync._version import __version__
from envsync.model.masking import masked
from envsync.model.wording import MAX_FIX, MAX_WORD
from envsync.project.problems import MAX_OF_RULE
from envsync.solving.channels import addresses, with_address
from envsync.solving.conflicts import one_line, smallest_conflict
from envsync.solving.request import PLATFORMS, Fault, Request, Result, Unreachable

NAME: Final = f"py-rattler {rattler_version}"
"""The name and the version of the solver."""

PARALLEL: Final = 4
"""Maximum number of solves at the same time. A solve with a large channel needs much memory."""

RETRIES: Final = 2
TIMEOUT: Final = 60
"""Maximum seconds for one request to a channel."""

_NEAR: Final = 3
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)*")
_SUGGESTIONS: Final = 20


class Solver:
    """Solves requests. The indexes of channels are read once.

    Use an instance only in the event loop in which it was created.
    """

    def __init__(self) -> None:
        """Does not connect to a channel yet."""
        client = Client.default_client(
            max_retries=RETRIES, user_agent=f"envsync/{__version__}", timeout=TIMEOUT
        )
        self._gateway = Gateway(client=client)
        self._names: dict[str, frozenset[str]] = {}
        self._slots = asyncio.Semaphore(PARALLEL)

    async def solve(
        self, requests: Collection[Request], done: Callable[[Request, Result], None]
    ) -> None:
        """Solves several requests at the same time.

        Args:
            requests: the requests.
            done: a function that is called with each request and its result.
        """
        channels = {channel for request in requests for channel in request.channels}
        read = await asyncio.gather(*map(self._read_channel, channels))
        unreachable = {item.channel: item for item in read if item}

        async def one(request: Request) -> None:
            missing = [unreachable[name] for name in request.channels if name in unreachable]
            if missing:
                done(request, Result(unreachable=tuple(missing)))
                return
            async with self._slots:
                done(request, await self._faults(request))

        await asyncio.gather(*map(one, requests))

    async def _read_channel(self, channel: str) -> Unreachable | None:
        """Reads the names of the packages in a channel."""
        try:
            found = await self._gateway.names(
                [Channel(address) for address in addresses(channel)], PLATFORMS
            )
        except (GatewayError, InvalidChannelError) as error:
            return Unreachable(channel, _short(error))
        self._names[channel] = frozenset(name.normalized for name in found)
        return None

    async def _faults(self, request: Request) -> Result:
        faults: list[Fault] = []
        specs: dict[int, MatchSpec] = {}
        names = frozenset[str]().union(*(self._names[channel] for channel in request.channels))
        for index, dependency in enumerate(request.dependencies):
            try:
                spec = MatchSpec(with_address(dependency))
            except InvalidMatchSpecError as error:
                # The last cause is the most precise. Its second sentence only explains package
                # names in general.
                reason = _causes(error)[-1].partition(". ")[0]
                faults.append(Fault("invalid", index, reason=masked(reason)))
                continue
            if _name(spec) in names:
                specs[index] = spec
            else:
                # Search for near names only for the first faults: the search is slow, and a report
                # shows only the first faults.
                suggest = len(faults) < _SUGGESTIONS
                near = _near(_name(spec), names) if suggest else ()
                faults.append(Fault("unknown", index, near=near))
        try:
            faults += await self._conflicts(request, specs)
        except GatewayError as error:
            # The index of a channel was read, but a part of the index with package descriptions was
            # not.
            reason = _short(error)
            named = (name for name in request.channels if any(map(reason.count, addresses(name))))
            failed = Unreachable(next(named, request.channels[0]), reason)
            return Result(unreachable=(failed,))
        return Result(tuple(sorted(faults, key=lambda fault: fault.dependency)))

    async def _conflicts(self, request: Request, specs: Mapping[int, MatchSpec]) -> list[Fault]:
        """Returns one fault for each conflict between dependencies whose packages exist."""
        # A name such as `defaults` stands for several channels of equal priority.
        sources = [
            MultiSource(channel, found) if len(found := addresses(channel)) > 1 else found[0]
            for channel in request.channels
        ]
        system = [_virtual_package(item) for item in request.system]

        async def explain(indexes: Sequence[int]) -> str | None:
            try:
                await solve(
                    sources,
                    [specs[index] for index in indexes],
                    self._gateway,
                    platforms=PLATFORMS,
                    virtual_packages=system,
                    channel_priority=ChannelPriority.Flexible,
                    channel_relations="disabled",
                )
            except SolverError as error:
                # For a large channel, an explanation can have many megabytes. A message shows only
                # its start.
                return one_line(str(error)[:MAX_FIX])
            return None

        faults: list[Fault] = []
        left = sorted(specs)
        # Each round reports a dependency and removes it, so that the next round finds another
        # conflict. The report of a file shows at most `MAX_OF_RULE` conflicts, and says that there
        # are more.
        while left and len(faults) <= MAX_OF_RULE and await explain(left) is not None:
            conflict = await smallest_conflict(explain, left)
            # Nearly everything depends on Python, so the conflict is reported at another
            # dependency.
            blamed = max(conflict, key=lambda index: (_name(specs[index]) != "python", index))
            others = tuple(index for index in conflict if index != blamed)
            versions = await self._versions(sources, specs[blamed]) if not others else ()
            if versions:
                faults.append(Fault("version", blamed, near=versions))
            else:
                reason = masked(await explain(conflict) or "")
                faults.append(Fault("conflict", blamed, others, reason))
            left.remove(blamed)
        return faults

    async def _versions(
        self, sources: Sequence[MultiSource | str], spec: MatchSpec
    ) -> tuple[str, ...]:
        """Returns the nearest versions of a package, if no version matches the dependency."""
        found = await self._gateway.query(
            sources, PLATFORMS, [_name(spec)], recursive=False, channel_relations="disabled"
        )
        records = [record for channel in found for record in channel]
        if any(spec.matches(record) for record in records):
            return ()
        wanted = _NUMBERS.search(spec.version or "")
        parts = wanted.group().split(".") if wanted else []

        def nearness(version: Version) -> tuple[int, Version]:
            pairs = zip(parts, str(version).split("."), strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)), version

        versions = sorted({record.version for record in records}, key=nearness, reverse=True)
        return tuple(str(version) for version in versions[:_NEAR])


def _name(spec: MatchSpec) -> str:
    return spec.name.normalized


def _virtual_package(item: str) -> GenericVirtualPackage:
    name, version, build = item.split("=")
    return GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))


def _near(name: str, known: Iterable[str]) -> tuple[str, ...]:
    # Names of very different length are never similar. Do not compare them, because this is slow.
    if len(name) > MAX_WORD:
        return ()
    similar = [item for item in known if abs(len(item) - len(name)) <= _NEAR]
    return tuple(difflib.get_close_matches(name, sorted(similar), n=_NEAR, cutoff=0.75))


def _short(error: Exception) -> str:
    """Returns the first and the last cause of an error of py-rattler, as one line."""
    causes = _causes(error)
    # If a file is missing, only the last cause is needed: it names the file.
    first = () if causes[0].startswith("could not find subdir") else causes[:1]
    return masked(": ".join(dict.fromkeys((*first, causes[-1]))))


def _causes(error: Exception) -> list[str]:
    lines = str(error).splitlines() or [type(error).__name__]
    return [line.removeprefix("Caused by: ") for line in lines]
