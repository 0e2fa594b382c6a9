"""The channels of a conda specification, as conda uses them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

DEFAULTS: Final = "defaults"
"""The name of the channels that conda adds, unless `nodefaults` is a channel."""

DEFAULT_CHANNELS: Final = ("pkgs/main", "pkgs/r")
"""The channels that the name `defaults` stands for on Linux."""

_NO_DEFAULTS: Final = "nodefaults"
_SUBDIRECTORY: Final = re.compile(r"/(?:noarch|(?:linux|osx|win)-[a-z0-9_]+)/?$")


def channels_of(channels: Iterable[str], dependencies: Iterable[str]) -> tuple[str, ...]:
    """Returns the channels that conda uses for a specification.

    conda adds the channels of dependencies such as `conda-forge::numpy`. Unless a channel is
    `nodefaults`, conda also adds `defaults`.

    Args:
        channels: the channels of the specification.
        dependencies: the conda dependencies of the specification.
    """
    named = [channel.strip() for channel in channels]
    of_dependencies = (
        item.partition("::")[0].strip() for item in dependencies if "::" in item.partition("[")[0]
    )
    defaults = () if _NO_DEFAULTS in named else (DEFAULTS,)
    found = dict.fromkeys((*named, *defaults, *of_dependencies))
    return tuple(channel for channel in found if channel and channel != _NO_DEFAULTS)


def addresses(channel: str) -> tuple[str, ...]:
    """Returns the addresses of the channels that a name stands for.

    The name of a community channel, such as `conda-forge`, is also its address.
    """
    if channel == DEFAULTS:
        return tuple(address for name in DEFAULT_CHANNELS for address in addresses(name))
    if channel.startswith("pkgs/"):
        return (f"https://repo.anaconda.com/{channel}",)
    return (_SUBDIRECTORY.sub("", channel),)


def with_address(dependency: str) -> str:
    """Replaces the channel of a dependency such as `pkgs/main::numpy` with its address."""
    channel, separator, rest = dependency.partition("::")
    found = addresses(channel.strip())
    # `defaults` has several addresses. The solver knows these channels by the name `defaults`.
    return f"{found[0]}::{rest}" if separator and len(found) == 1 else dependency


def absolute(channels: Sequence[str], directory: Path) -> tuple[str, ...]:
    """Converts local paths in a list of channels to addresses that start with `file://`.

    Args:
        channels: names, addresses, and paths that start with `.`, `/` or `~`.
        directory: the base directory of relative paths.
    """
    return tuple(
        (directory / Path(channel).expanduser()).resolve().as_uri()
        if channel.startswith((".", "/", "~"))
        else channel
        for channel in channels
    )


def local_directory(address: str) -> Path | None:
    """Returns the directory of a channel on this machine, or None for a channel on a server."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
