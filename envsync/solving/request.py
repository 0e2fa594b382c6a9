"""Requests to the solver, and their results.

The values contain no positions in files, so files with the same content have the same result.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

from envsync.model.canonical import JSON

PLATFORMS: Final = ("linux-64", "noarch")
"""The directories of a channel that contain the packages for an image of Azure ML."""

Kind: TypeAlias = Literal["invalid", "unknown", "version", "conflict"]
"""The kind of mistake in a dependency.

- `invalid`: the dependency cannot be read.
- `unknown`: no channel has a package of this name.
- `version`: channels have the package, but no version that matches.
- `conflict`: the dependency cannot be installed, on its own or together with others.
"""


class Request(Struct, frozen=True):
    """A set of dependencies, and everything that decides whether they can be installed.

    Attributes:
        dependencies: the conda dependencies, as they are written.
        channels: names and addresses of channels. Earlier channels have priority.
        system: the virtual packages of the image, such as `__glibc=2.35=0`.
    """

    dependencies: tuple[str, ...]
    channels: tuple[str, ...]
    system: tuple[str, ...]


class Unreachable(Struct, frozen=True):
    """A channel that cannot be read.

    Attributes:
        channel: the name or the address of the channel.
        reason: the reason, as one line without a full stop.
    """

    channel: str
    reason: str


class Fault(Struct, frozen=True):
    """A reason why a dependency cannot be installed.

    Attributes:
        kind: the kind of mistake.
        dependency: the index of the dependency in `Request.dependencies`.
        others: the indexes of the dependencies that `dependency` conflicts with.
        reason: the explanation of the solver, as one line. It can be empty.
        near: existing names or versions, the nearest first.
    """

    kind: Kind
    dependency: int
    others: tuple[int, ...] = ()
    reason: str = ""
    near: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """Returns the fault as JSON data."""
        return {
            "kind": self.kind,
            "dependency": self.dependency,
            "others": list(self.others),
            "reason": self.reason,
            "near": list(self.near),
        }

    @classmethod
    def from_json(cls, data: object, dependencies: int) -> Fault:
        """Creates the fault from the JSON data of `to_json`.

        Args:
            data: the JSON data, which can be anything.
            dependencies: the number of dependencies of the request.

        Raises:
            KeyError, TypeError, ValueError: the data does not describe a fault of a request with
            this number of dependencies.
        """
        if not isinstance(data, dict):
            raise TypeError("a fault must be a mapping")
        kind, reason, near = data["kind"], data["reason"], tuple(data["near"])
        indexes = (data["dependency"], *data["others"])
        if kind not in get_args(Kind) or not all(isinstance(text, str) for text in (reason, *near)):
            raise ValueError("a fault must have a known kind, and strings")
        if not all(type(index) is int and 0 <= index < dependencies for index in indexes):
            raise ValueError("a fault must name dependencies of the request")
        return cls(kind, indexes[0], indexes[1:], reason, near)


class Result(Struct, frozen=True):
    """The result for a request. A request with an unreachable channel is not solved.

    Attributes:
        faults: what is wrong with the dependencies, in the order of the dependencies.
        unreachable: the channels that cannot be read.
    """

    faults: tuple[Fault, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()
