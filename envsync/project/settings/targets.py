"""`targets` in `envsync.yaml`: where environments are applied, and how each is reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, cast

from yaml.nodes import MappingNode

from envsync.model.problem import Problem
from envsync.project.settings.mapping import Settings, open_mapping, uses_variables
from envsync.project.yaml.nodes import Entry, entries

LOCAL_PATH: Final = ".envsync/local.db"
"""Where a local target lies unless it says otherwise, relative to the project."""

TargetKind = Literal["local", "workspace", "registry"]

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "local": (),
    "workspace": ("subscription_id", "resource_group", "workspace"),
    "registry": ("registry",),
}
_OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "local": ("path",),
    "workspace": ("credential", "cloud"),
    "registry": ("subscription_id", "resource_group", "credential", "cloud"),
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "credential": ("default", "cli", "environment", "workload", "managed"),
    "cloud": ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud"),
}
_TARGET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_IN_A_NAME: Final = re.compile(r"[\s/\\?#%\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """One target of `envsync.yaml`.

    Attributes:
        name: as it is named there.
        kind: what it is.
        settings: what else stands there, variables filled in; as written where one is not set. The
            `path` of a local target is relative to the project directory.
        problems: unset variables, which are errors once the target is selected.
    """

    name: str
    kind: TargetKind
    settings: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


def read_targets(settings: Settings) -> dict[str, TargetConfig]:
    """The targets of a settings file by name, in its order; the local one where it has none.

    Args:
        settings: the top level of the file; takes the problems.
    """
    entry = settings.entries.get("targets")
    if entry is None:
        return {"local": TargetConfig("local", "local", MappingProxyType({"path": LOCAL_PATH}))}
    opened = open_mapping(settings, entry.value, "targets.", None)
    if opened is not None and not entry.value.value:
        message, fix = "`targets` names no target.", "Name one, or remove the line."
        settings.add("invalid-config", entry.value, message, fix)
    targets = {}
    for name, item in opened.entries.items() if opened else ():
        target = _read_target(settings, name, item)
        if target is not None:
            targets[name] = target
    return targets


def _read_target(above: Settings, name: str, entry: Entry) -> TargetConfig | None:
    if not _TARGET_NAME.fullmatch(name):
        message = f"`{name}` cannot be the name of a target."
        fix = "Use up to 64 letters, digits, `.`, `_` and `-`."
        above.add("invalid-config", entry.key, message, fix)
    kind = _read_kind(above, name, entry)
    if kind is None:
        return None
    known = ("kind", *_REQUIRED[kind], *_OPTIONAL[kind])
    settings = open_mapping(above, entry.value, f"targets.{name}.", known)
    if settings is None:
        return None
    written = {key.value for key, _ in entries(cast("MappingNode", entry.value))}
    for key in _REQUIRED[kind]:
        if key not in written:
            message = f"The target `{name}` has no `{key}`."
            above.add("invalid-config", entry.key, message, f"Add `{key}:` with its value.")
    later: list[Problem] = []
    found: dict[str, str] = {}
    for key, item in settings.entries.items():
        # Variables of a target are asked for when it is used: others work without them.
        problems = later if uses_variables(item.value) else above.problems
        text = _read_setting(replace(settings, problems=problems), key, item)
        if not text and uses_variables(item.value):
            text = item.value.value  # as written, to be shown; the problem keeps it from being used
        if text and key != "kind":
            found[key] = text
    if kind == "local":
        found.setdefault("path", LOCAL_PATH)
    return TargetConfig(name, kind, MappingProxyType(found), tuple(later))


def _read_kind(above: Settings, name: str, entry: Entry) -> TargetKind | None:
    quiet = replace(above, problems=[])
    settings = open_mapping(quiet, entry.value, f"targets.{name}.", None)
    if settings is None:
        above.problems.extend(quiet.problems)
        return None
    if "kind" not in settings.entries:
        fix = f"Write `kind:` with one of {', '.join(_REQUIRED)}."
        above.add("invalid-config", entry.key, f"The target `{name}` has no `kind`.", fix)
        return None
    kind = replace(settings, problems=above.problems).choice("kind", tuple(_REQUIRED), "")
    return cast("TargetKind", kind) if kind else None


def _read_setting(settings: Settings, key: str, entry: Entry) -> str:
    if key == "kind":
        return ""
    if key in _CHOICES:
        return settings.choice(key, _CHOICES[key], "")
    text = settings.text(key)
    if key != "path" and _NOT_IN_A_NAME.search(text):
        message = f"{settings.name(key)} cannot be `{entry.value.value}`."
        fix = "Write the name or id alone, without white space, `/`, `?`, `#` or `%`."
        settings.add("invalid-config", entry.value, message, fix)
    elif key == "path" and "\0" in text:
        message = f"{settings.name(key)} holds a null character."
        settings.add("invalid-config", entry.value, message, "Remove it.")
    return text
