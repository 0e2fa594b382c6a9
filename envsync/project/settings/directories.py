"""Reads the settings that say where environment files are: `environments` and `exclude`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from yaml.nodes import SequenceNode

from envsync.project.disk import MAX_PATH
from envsync.project.settings.mapping import MAX_ITEMS, MappingReader

DEFAULT_ENVIRONMENTS: Final = ("environments",)


def read_environments(root: Path, reader: MappingReader) -> tuple[str, ...]:
    """Returns the directories of environment files, without duplicates."""
    entry = reader.entries.get("environments")
    if entry is None:
        return DEFAULT_ENVIRONMENTS
    nodes = entry.value.value if isinstance(entry.value, SequenceNode) else [entry.value]
    if not nodes:
        message = "`environments` names no directory."
        reader.add("invalid-config", entry.value, message, fix="Write at least one directory.")
    if len(nodes) > MAX_ITEMS:
        message = f"`environments` has more than {MAX_ITEMS:,} items."
        reader.add("invalid-config", entry.value, message, fix="Name fewer directories.")
        return DEFAULT_ENVIRONMENTS
    found = [(node, reader.string_of(node, "environments")) for node in nodes]
    for node, text in found:
        if text is not None and len(text) > MAX_PATH:
            message = f"The path in `environments` has more than {MAX_PATH:,} characters."
            reader.add("invalid-config", node, message, fix="Use a shorter path.")
        elif text is not None and not _is_inside(root, text):
            message = f"The environments directory `{text}` is outside of the project."
            fix = f"Write the path of a directory below the directory of {reader.file}."
            reader.add("path-escape", node, message, fix=fix)
    return tuple(dict.fromkeys(text for _, text in found if text)) or DEFAULT_ENVIRONMENTS


def _is_inside(root: Path, text: str) -> bool:
    try:
        return (root / text).resolve().is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError):  # a null character, or a loop of links
        return False


def read_exclude(reader: MappingReader) -> tuple[str, ...]:
    """Returns the globs of files that are not environment files."""
    globs = reader.strings("exclude")
    if any(glob.startswith("/") or ".." in glob.split("/") for glob in globs):
        node = reader.entries["exclude"].value
        message = "`exclude` has a glob that leads out of the project."
        fix = f"Write globs relative to the directory of {reader.file}, without `..`."
        reader.add("invalid-config", node, message, fix=fix)
    return globs
