"""Checks conda channels: those that need a licence, and those that the policy allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from yaml.nodes import Node, ScalarNode

from envsync.model.policy import FilePolicy
from envsync.project.problems import Report

_LICENSED: Final = frozenset({"defaults", "main", "r", "msys2", "anaconda"})
"""The channels of Anaconda, Inc., which its terms of service cover.

Source: https://www.anaconda.com/docs/getting-started/working-with-conda/channels
"""

# Matches the addresses of Anaconda's own server, and of the server of the community channels.
_OWN_SERVER: Final = re.compile(r"repo\.(?:anaconda\.com|continuum\.io)(?:/|$)")
_ALIAS: Final = re.compile(r"(?:conda\.)?anaconda\.org/(?:t/[^/]+/)?")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.\-]*://(?:[^/@]*@)?", re.IGNORECASE)
_SUBDIRECTORY: Final = re.compile(r"/(?:noarch|(?:linux|osx|win)-[a-z0-9_]+)$")


def check_channels(
    report: Report, key: Node | None, channels: Sequence[ScalarNode], policy: FilePolicy
) -> None:
    """Reports licensed channels, channels that the policy does not allow, and implicit `defaults`.

    Args:
        report: the report of the file.
        key: the node to report a missing channel at.
        channels: the channels of the specification.
        policy: what the file may use.
    """
    for node in channels:
        check_channel(report, node, node.value, policy)
    names = {_name(node.value) for node in channels}
    if key is not None and not names & {"nodefaults", "defaults"}:
        message = "The specification has no channels, so conda uses `defaults`."
        if channels:
            message = "The channels have no `nodefaults`, so conda also uses `defaults`."
        message += " The licence of Anaconda covers `defaults`."
        channel = "`nodefaults`" if channels else "`conda-forge` and `nodefaults`"
        report.add("implicit-defaults", key, message, fix=f"Add {channel} below `channels:`.")


def check_channel(report: Report, node: Node, channel: str, policy: FilePolicy) -> None:
    """Reports one channel, which `channels` or a dependency such as `main::numpy` names."""
    if is_licensed(channel):
        message = f"The channel `{channel}` belongs to Anaconda. Its terms require a paid licence "
        message += "from larger organisations."
        fix = "Use `conda-forge`, or turn this rule off if your organisation has a licence."
        report.add("licensed-channel", node, message, fix=fix)
    name = _name(channel)
    if policy.channels and name != "nodefaults":
        forms = (channel, name)
        if not any(fnmatchcase(form, glob) for form in forms for glob in policy.channels):
            message = f"The channel `{channel}` matches no pattern of {policy.place('channels')}."
            allowed = ", ".join(f"`{glob}`" for glob in policy.channels[:5])
            report.add("policy-channels", node, message, fix=f"Allowed are {allowed}.")


@lru_cache(maxsize=256)
def is_licensed(channel: str) -> bool:
    """Returns True for a channel of Anaconda, Inc. Accepts a name or a URL."""
    name = _name(channel)
    first = name.removeprefix("pkgs/").partition("/")[0]
    return bool(_OWN_SERVER.match(name)) or first in _LICENSED


@lru_cache(maxsize=256)
def _name(channel: str) -> str:
    """Returns the short name of a channel, or its address without scheme and credentials."""
    text = _SCHEME.sub("", channel.strip().rstrip("/"))
    return _ALIAS.sub("", _SUBDIRECTORY.sub("", text), count=1) if "/" in text else text


def channels_in(dependencies: Sequence[ScalarNode]) -> Iterator[tuple[ScalarNode, str]]:
    """Yields each dependency such as `main::numpy`, with its channel."""
    for node in dependencies:
        if "::" in node.value:
            yield node, node.value.partition("::")[0].strip()
