"""Reports conda channels that need a licence, and channels that the policy does not allow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from yaml.nodes import Node, ScalarNode

from envsync.model.policy import FilePolicy
from envsync.model.wording import one_of
from envsync.project.problems import Report

_LICENSED: Final = frozenset({"defaults", "main", "r", "msys2", "anaconda"})
"""The channels that the terms of service of Anaconda, Inc. cover.

Source: https://www.anaconda.com/docs/getting-started/working-with-conda/channels
"""

# Matches the addresses of Anaconda's own server, and of the server of the community channels.
_OWN_SERVER: Final = r"(?i)repo\.(?:anaconda\.com|continuum\.io)(?:/|$)"
_ALIAS: Final = r"(?i)(?:conda\.)?anaconda\.org/(?:t/[^/]+/)?"
_SCHEME: Final = r"(?i)[a-z][a-z0-9+.\-]*://(?:[^/@]*@)?"
# Matches the key `channel` of a conda dependency, such as `numpy[channel=conda-forge]`.
_IN_BRACKETS: Final = r"""[\[,]\s*channel\s*=\s*["']?([^"',\]\s]+)"""
_SUBDIRECTORY: Final = r"/(?:noarch|(?:linux|osx|win)-[a-z0-9_]+)$"


def check_channels(
    report: Report,
    channels: Sequence[ScalarNode],
    policy: FilePolicy,
    in_packages: Iterable[tuple[ScalarNode, str]],
) -> None:
    """Reports channels that need a licence, and channels that the policy does not allow.

    Args:
        report: the report of the file.
        channels: the channels of the specification.
        policy: what the file may use.
        in_packages: the conda dependencies that name a channel, each with this channel.
    """
    for node in channels:
        _check_channel(report, node, node.value, policy)
    for node, channel in in_packages:
        _check_channel(report, node, channel, policy)


def channels_in(package: str) -> tuple[str, ...]:
    """Returns the channels that a conda dependency names.

    Conda accepts three forms: `main::numpy`, `numpy[channel=main]`, and the URL of a package.
    """
    if ":" not in package and "[" not in package:
        return ()
    return tuple(dict.fromkeys(_channels_in(package.partition(" #")[0].strip())))


def _channels_in(text: str) -> Iterator[str]:
    channel, colons, _ = text.partition("::")
    if colons:
        yield channel.strip()
    elif "://" in text and re.match(_SCHEME, text):
        yield text.rpartition("/")[0]
    found = re.search(_IN_BRACKETS, text) if "[" in text else None
    if found:
        yield found[1]


def check_defaults(report: Report, place: Node, channels: Sequence[ScalarNode]) -> None:
    """Reports that conda uses `defaults`, a channel that the specification does not name.

    Args:
        report: the report of the file.
        place: the node to report the problem at.
        channels: the channels of the specification.
    """
    if any(node.value.strip() in ("nodefaults", "defaults") for node in channels):
        return
    message = "The specification has no channels, so conda uses `defaults`."
    fix = "Add `conda-forge` and `nodefaults` below `channels:`."
    if channels:
        message = "The channels do not include `nodefaults`, so conda also uses `defaults`."
        fix = "Add `nodefaults` below `channels:`."
    message += " Anaconda's terms apply to this channel."
    report.add("implicit-defaults", place, message, fix=fix)


def _check_channel(report: Report, node: Node, channel: str, policy: FilePolicy) -> None:
    if is_licensed(channel):
        message = (
            f"The channel `{channel}` belongs to Anaconda, whose terms require a paid licence from "
            "larger organisations."
        )
        fix = "Use `conda-forge`. If your organisation has a licence, turn this rule off."
        report.add("licensed-channel", node, message, fix=fix)
    if policy.channels and channel.strip() != "nodefaults":
        forms = (channel, _name(channel))
        if not any(fnmatchcase(form, glob) for form in forms for glob in policy.channels):
            message = f"The channel `{channel}` matches no pattern of {policy.place('channels')}."
            fix = f"Use a channel that matches {one_of(policy.channels)}."
            report.add("policy-channels", node, message, fix=fix)


@lru_cache(maxsize=256)
def is_licensed(channel: str) -> bool:
    """Returns True for a channel of Anaconda, Inc. Accepts a name or a URL."""
    name = _name(channel)
    first = name.removeprefix("pkgs/").partition("/")[0]
    return first in _LICENSED or ("." in name and re.match(_OWN_SERVER, name) is not None)


@lru_cache(maxsize=256)
def _name(channel: str) -> str:
    """Returns the name of a channel.

    For a channel on a server other than anaconda.org, returns the address without scheme and
    credentials.
    """
    text = channel.strip().rstrip("/")
    if "://" in text:
        text = re.sub(_SCHEME, "", text)
    if "/" not in text:
        return text
    text = re.sub(_SUBDIRECTORY, "", text)
    alias = re.match(_ALIAS, text)
    return text[alias.end() :] if alias else text
