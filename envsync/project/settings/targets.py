"""Reads `targets` in `envsync.yaml`: where each target is, and how to connect to the target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, cast

from msgspec import Struct, field
from msgspec.structs import replace
from yaml.nodes import MappingNode

from envsync.model.problem import Problem
from envsync.project.disk import MAX_PATH
from envsync.project.settings.mapping import MAX_ITEMS, MappingReader, open_mapping
from envsync.project.settings.scope import (
    SCOPE_SETTINGS,
    Position,
    Scope,
    position_of,
    read_scope,
)
from envsync.project.settings.variables import uses_variables
from envsync.project.yaml.nodes import Entry, entries

LOCAL_PATH: Final = ".envsync/local.db"
"""The default path of a local target, relative to the project directory."""

TargetKind = Literal["local", "workspace", "registry"]

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "local": (),
    "workspace": ("subscription_id", "resource_group", "workspace"),
    "registry": ("registry",),
}
_OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "local": ("path",),
    "workspace": ("credential", "cloud", "operation_timeout"),
    "registry": ("subscription_id", "resource_group", "credential", "cloud", "operation_timeout"),
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "credential": (
        "default",
        "cli",
        "environment",
        "github",
        "pipelines",
        "workload",
        "managed",
    ),
    "cloud": ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud"),
}
_OPERATION_TIMEOUT: Final = 900
_LONGEST_TIMEOUT: Final = 24 * 60 * 60
"""The highest `operation_timeout` in seconds."""

_TARGET_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
# Matches characters that would change the path of a request URL.
_NOT_IN_A_NAME: Final = r"[\s/\\?#%\x00-\x1f\x7f]"


class TargetConfig(Struct, frozen=True):
    """One target of `envsync.yaml`.

    Attributes:
        name: the key below `targets`.
        kind: the kind of target.
        settings: the settings that say where the target is and how to connect, with variables
            filled in. If a variable is not set, the value contains the text `${NAME}`. The `path`
            of a local target is relative to the project directory.
        problems: the problems of settings that use variables, such as an unset variable. These
            problems are errors only if the target is used.
        scope: the settings that select the environments of the target, and that add tags and a
            suffix to these environments.
        position: the position of the name in the settings file.
    """

    name: str
    kind: TargetKind
    settings: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    scope: Scope = field(default_factory=Scope)
    position: Position = (1, 1)


def read_targets(reader: MappingReader) -> dict[str, TargetConfig]:
    """Returns the targets by name, in the order of the file.

    Args:
        reader: the top level of the settings file. This reader also collects the problems.

    Returns:
        The targets. If the file has no `targets`, the result is a single local target.
    """
    entry = reader.entries.get("targets")
    if entry is None:
        return {"local": TargetConfig("local", "local", MappingProxyType({"path": LOCAL_PATH}))}
    reader = replace(reader, allows_variables=True)
    opened = open_mapping(reader, entry.value, prefix="targets.", known=None)
    if opened is not None and not entry.value.value:
        message = "`targets` has no target."
        reader.add("invalid-config", entry.value, message, fix="Add a target, or remove the line.")
    if opened is not None and len(opened.entries) > MAX_ITEMS:
        message = f"`targets` has more than {MAX_ITEMS:,} targets."
        reader.add("invalid-config", entry.value, message, fix="Remove targets.")
        return {}
    targets = {}
    for name, item in opened.entries.items() if opened else ():
        target = _read_target(reader, name, item)
        if target is not None:
            targets[name] = target
    return targets


def _read_target(parent: MappingReader, name: str, entry: Entry) -> TargetConfig | None:
    if not re.fullmatch(_TARGET_NAME, name):
        message = f"`{name}` is not a valid target name."
        fix = "Use up to 64 letters, digits, `.`, `_` and `-`, starting with a letter or digit."
        parent.add("invalid-config", entry.key, message, fix=fix)
    kind = _read_kind(parent, name, entry)
    if kind is None:
        return None
    known = ("kind", *_REQUIRED[kind], *_OPTIONAL[kind], *SCOPE_SETTINGS)
    reader = open_mapping(parent, entry.value, prefix=f"targets.{name}.", known=known)
    if reader is None:
        return None
    written = {key.value for key, _ in entries(cast("MappingNode", entry.value))}
    # `written` also contains keys without a value, which `open_mapping` has already reported.
    for key in _REQUIRED[kind]:
        if key not in written:
            message = f"The target `{name}` has no `{key}`."
            fix = f"Add a `{key}:` line."
            parent.add("invalid-config", entry.key, message, fix=fix)
    later: list[Problem] = []
    found: dict[str, str] = {}
    for key, item in reader.entries.items():
        if key in SCOPE_SETTINGS:
            continue
        # An unset variable must not prevent the use of other targets, so the problem is reported
        # only if this target is used.
        problems = later if uses_variables(item.value) else parent.problems
        text = _read_setting(replace(reader, problems=problems), key, item)
        if not text and uses_variables(item.value):
            text = item.value.value  # only for display, because the target cannot be used
        if text and key != "kind":
            found[key] = text
    if kind == "local":
        found.setdefault("path", LOCAL_PATH)
    scope = read_scope(reader, replace(reader, problems=later))
    return TargetConfig(
        name,
        kind,
        settings=MappingProxyType(found),
        problems=tuple(later),
        scope=scope,
        position=position_of(entry.key),
    )


def _read_kind(parent: MappingReader, name: str, entry: Entry) -> TargetKind | None:
    # The allowed keys depend on `kind`, so the mapping is opened twice. The problems of this first
    # reader are dropped, because the second reader reports the same problems.
    quiet = replace(parent, problems=[])
    reader = open_mapping(quiet, entry.value, prefix=f"targets.{name}.", known=None)
    if reader is None:
        parent.problems.extend(quiet.problems)
        return None
    if "kind" not in reader.entries:
        fix = f"Add a `kind:` line with one of {', '.join(_REQUIRED)}."
        parent.add("invalid-config", entry.key, f"The target `{name}` has no `kind`.", fix=fix)
        return None
    kind = replace(reader, problems=parent.problems).choice("kind", tuple(_REQUIRED), "")
    return cast("TargetKind", kind) if kind else None


def _read_setting(reader: MappingReader, key: str, entry: Entry) -> str:
    if key == "kind":
        return ""
    if key == "operation_timeout":
        return str(reader.integer(key, _OPERATION_TIMEOUT, at_most=_LONGEST_TIMEOUT))
    if key in _CHOICES:
        return reader.choice(key, _CHOICES[key], "")
    text = reader.string(key)
    if key != "path" and re.search(_NOT_IN_A_NAME, text):
        message = f"{reader.name(key)} cannot be `{entry.value.value}`."
        fix = "Write only the name or id, without white space, `/`, `?`, `#` or `%`."
        reader.add("invalid-config", entry.value, message, fix=fix)
    elif key == "path" and "\0" in text:
        message = f"{reader.name(key)} contains a null character."
        reader.add("invalid-config", entry.value, message, fix="Remove the null character.")
    elif key == "path" and len(text) > MAX_PATH:
        message = f"{reader.name(key)} has more than {MAX_PATH:,} characters."
        reader.add("invalid-config", entry.value, message, fix="Use a shorter path.")
    return text
