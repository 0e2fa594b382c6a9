"""Reads `defaults`, and the settings `include`, `exclude`, `tags` and `suffix` of a target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.environment import Metadata
from envsync.project.environment.fields import read_tags
from envsync.project.problems import Report
from envsync.project.rules import RULES
from envsync.project.settings.mapping import MappingReader, open_mapping
from envsync.project.settings.variables import uses_variables
from envsync.project.yaml.nodes import STR, entries, walk

SCOPE_SETTINGS: Final = ("include", "exclude", "tags", "suffix")
"""Every kind of target can have these settings."""

Position: TypeAlias = tuple[int, int]
"""The 1-based line and column of a value in the settings file."""

_DEFAULTS: Final = ("tags", "description")
_SUFFIX: Final = r"[A-Za-z0-9._-]{0,254}"


class Scope(Struct, frozen=True):
    """The settings that select a target's environments and give them tags and a suffix.

    Attributes:
        include: globs for declared names. The target gets only environments that match a glob. If
            `include` is empty, the target gets every environment.
        exclude: globs for declared names. The target gets no environment that matches a glob.
        tags: the tags that every environment of the target gets.
        suffix: the text that the target adds to every declared name.
        positions: the position of each value in the settings file. The keys of this mapping are
            `suffix`, `include[0]` and so on, `exclude[0]` and so on, and `tags.KEY`.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    suffix: str = ""
    positions: Mapping[str, Position] = field(default_factory=lambda: MappingProxyType({}))


def read_defaults(reader: MappingReader) -> Metadata:
    """Returns the description and the tags in `defaults`."""
    entry = reader.entries.get("defaults")
    if entry is None:
        return Metadata()
    opened = open_mapping(reader, entry.value, prefix="defaults.", known=_DEFAULTS)
    if opened is None:
        return Metadata()
    # A default is the same for every target and on every machine, so it cannot use variables.
    variable = [node for node in _values(opened) if uses_variables(node)]
    for node in variable:
        message = f"`{node.value}` uses a variable, but `defaults` cannot use variables."
        fix = "Write the value itself, or move the tag to `tags` of a target."
        reader.add("invalid-config", node, message, fix=fix)
    if variable:
        return Metadata()
    fixed = replace(opened, environ={})
    return Metadata(fixed.string("description") or None, _read_tags(fixed, later=fixed))


def read_scope(reader: MappingReader, later: MappingReader) -> Scope:
    """Returns the scope of a target.

    Args:
        reader: the settings of the target. This reader also collects the problems.
        later: a reader of the same settings. This reader collects the problems that are errors only
            if the target is used.
    """
    positions: dict[str, Position] = {}
    for key, entry in reader.entries.items():
        if key == "suffix":
            positions[key] = position_of(entry.value)
        elif key == "tags":
            keys = (name for name, _ in _entries_of(entry.value))
            positions |= {f"tags.{name.value}": position_of(name) for name in keys}
        elif key in SCOPE_SETTINGS and isinstance(entry.value, SequenceNode):
            items = enumerate(entry.value.value)
            positions |= {f"{key}[{index}]": position_of(item) for index, item in items}
    # The reader `later` collects problems of settings that contain variables, because an unset
    # variable must not prevent the use of other targets.
    variable = {
        key
        for key, entry in reader.entries.items()
        if any(uses_variables(node) for node in walk(entry.value))
    }
    include, exclude, suffix = (
        later if key in variable else reader for key in ("include", "exclude", "suffix")
    )
    return Scope(
        include=_read_include(include),
        exclude=exclude.strings("exclude"),
        tags=MappingProxyType(_read_tags(reader, later=later)),
        suffix=_read_suffix(suffix),
        positions=MappingProxyType(positions),
    )


def position_of(node: Node) -> Position:
    """Returns the position of the start of a node."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def _read_include(reader: MappingReader) -> tuple[str, ...]:
    entry = reader.entries.get("include")
    if entry is not None and isinstance(entry.value, SequenceNode) and not entry.value.value:
        # An empty list could mean "every environment" or "no environment". If it meant "no
        # environment", a plan would archive every environment.
        message = f"{reader.name('include')} has no pattern."
        fix = "Remove the line to include every environment, or add a pattern."
        reader.add("invalid-config", entry.value, message, fix=fix)
    return reader.strings("include")


def _read_suffix(reader: MappingReader) -> str:
    entry = reader.entries.get("suffix")
    if entry is None:
        return ""
    node = entry.value
    if isinstance(node, ScalarNode) and node.tag == STR and not node.value:
        return ""
    text = reader.string("suffix")
    if not re.fullmatch(_SUFFIX, text):
        message = f"{reader.name('suffix')} cannot be `{node.value}`."
        fix = "Use up to 254 letters, digits, `.`, `_` and `-`."
        reader.add("invalid-config", node, message, fix=fix)
        return ""
    return text


def _read_tags(reader: MappingReader, *, later: MappingReader) -> dict[str, str]:
    """Returns the value of `tags`. The rules are the same as for tags in an environment file."""
    entry = reader.entries.get("tags")
    if entry is None:
        return {}
    report = Report(reader.file, RULES)
    tags = read_tags(report, entry.value)
    reader.problems.extend(report.problems)
    for key, item in _entries_of(entry.value):
        if key.value in tags and isinstance(item, ScalarNode) and item.tag == STR:
            collector = later if uses_variables(item) else reader
            filled = collector.fill_in(item)
            # If a variable is not set, the tag keeps the text `${NAME}`, but only for display.
            tags[key.value] = item.value if filled is None else filled
    return tags


def _entries_of(node: Node) -> list[tuple[ScalarNode, Node]]:
    """Returns the string keys and the values of a mapping, or [] if the node is not a mapping."""
    if not isinstance(node, MappingNode):
        return []
    pairs = entries(node)
    return [(key, item) for key, item in pairs if isinstance(key, ScalarNode) and key.tag == STR]


def _values(reader: MappingReader) -> list[ScalarNode]:
    found = [entry.value for entry in reader.entries.values()]
    found += [item for node in list(found) for _, item in _entries_of(node)]
    return [node for node in found if isinstance(node, ScalarNode)]
