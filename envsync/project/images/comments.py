"""The comments about an image: `# envsync: tag TAG` and `# envsync: track PATTERN`."""

from __future__ import annotations

import re
from typing import Final

from envsync.project.problems import ignored_in

_START: Final = r"(?<!\S)#[ \t]*envsync:[ \t]*"
_TAG: Final = re.compile(rf"{_START}tag[ \t]+(\w[\w.\-]{{0,127}})(?!\S)", re.ASCII)
_TRACK: Final = re.compile(rf"{_START}track[ \t]+(\S+)")
_IGNORE: Final = re.compile(rf"{_START}ignore\[[^\]\n]*\]")


def tag_in(line: str) -> str | None:
    """Returns the tag in the comment of a line, or None."""
    found = _TAG.search(line)
    return found[1] if found else None


def track_in(line: str) -> str | None:
    """Returns the pattern of tags in the comment of a line, or None."""
    found = _TRACK.search(line)
    return found[1] if found else None


def rules_ignored_in(line: str) -> frozenset[str]:
    """Returns the rules that the comments of a line turn off."""
    return frozenset().union(*(ignored_in(found.group()) for found in _IGNORE.finditer(line)))


def with_tag(line: str, tag: str) -> str:
    """Writes a tag into the comment of a line. `line` and the result have no line end."""
    if tag_in(line) is not None:
        return _TAG.sub(lambda found: found[0][: -len(found[1])] + tag, line, count=1)
    # Linters of YAML ask for two spaces before a comment.
    return f"{line}{'' if line.endswith(' ') else '  '}# envsync: tag {tag}"
