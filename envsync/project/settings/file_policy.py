"""Reads `policy`: what environment files may use."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from envsync.model.environment import Metadata
from envsync.model.policy import NO_FILE_POLICY, FilePolicy
from envsync.project.pattern import Pattern
from envsync.project.settings.mapping import MappingReader, open_mapping

_SETTINGS: Final = ("images", "channels", "require_tags", "names")


def read_file_policy(reader: MappingReader, defaults: Metadata) -> FilePolicy:
    """Returns the policy in the settings.

    Args:
        reader: the reader of the settings file. It collects the problems.
        defaults: the tags that every environment has. Files need not repeat these tags.
    """
    entry = reader.entries.get("policy")
    opened = open_mapping(reader, entry.value, prefix="policy.", known=_SETTINGS) if entry else None
    if opened is None:
        return NO_FILE_POLICY
    required = opened.strings("require_tags")
    return FilePolicy(
        images=opened.strings("images"),
        channels=opened.strings("channels"),
        require_tags=tuple(key for key in required if key not in defaults.tags),
        names=_names(opened),
        file=reader.file,
        lines=MappingProxyType(
            {key: entry.key.start_mark.line + 1 for key, entry in opened.entries.items()}
        ),
    )


def _names(reader: MappingReader) -> str:
    # The default of the setting is an empty string, so an empty string is valid.
    entry = reader.entries.get("names")
    if entry is None or (entry.value.value == "" and entry.value.tag.endswith(":str")):
        return ""
    text = reader.string("names")
    try:
        Pattern(text, "policy.names")
    except ValueError as error:
        message = f"`policy.names` is not a valid regular expression: {error}."
        fix = "Write a regular expression of Python, such as `[a-z][a-z0-9-]*`."
        reader.add("invalid-config", entry.value, message, fix=fix)
        return ""
    return text
