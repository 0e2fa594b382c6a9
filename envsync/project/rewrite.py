"""Another version written into an environment file, and every other byte left as it is.

ruamel.yaml tells where the version stands; its own output would lay the file out anew. What is
written counts only once it was read back as azure-ai-ml reads it: the new version, and everything
else as before.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.model.errors import EnvsyncError
from envsync.project.environment.identity import read_version
from envsync.project.files import parse
from envsync.project.problems import Report
from envsync.project.yaml.nodes import Entry, entries


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An environment file with another version.

    Attributes:
        data: the bytes of the file.
        line: the 1-based line that changed.
    """

    data: bytes
    line: int


def rewrite_version(file: str, data: bytes, before: str, after: str) -> Rewritten:
    """The bytes of an environment file once its version is another one.

    Quotes stay as they are; they are added where the new version would not be a text without.

    Args:
        file: its name, for messages.
        data: its bytes.
        before: the version that it declares.
        after: the version that it is to declare.

    Raises:
        EnvsyncError: it does not declare `before`, or the version cannot be replaced alone.
    """
    old = _read(file, data)
    if old is None or old.version != before:
        raise EnvsyncError(f"{file} does not declare version {before} any more. Try again.")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    raw = data.removeprefix(mark).decode()
    place = _find(old, after)
    if place is not None:
        start, end = (_raw_index(raw, index) for index in (place.start, place.end))
        for written in place.ways:
            changed = mark + (raw[:start] + written + raw[end:]).encode()
            new = _read(file, changed)
            if new and new.is_exact and new.version == after and new.others == old.others:
                return Rewritten(changed, old.text.count("\n", 0, place.start) + 1)
    raise EnvsyncError(
        f"{file}: the version cannot be replaced by {after} without changing more, because of the "
        "YAML anchor, merge or tag that it stands in. Change the file by hand."
    )


@dataclass(frozen=True, slots=True)
class _Content:
    """An environment file, read.

    Attributes:
        text: its text, every line end a line feed.
        key: where `version` stands.
        version: what it declares.
        is_exact: the version is one that the service takes, and is what the file shows.
        others: what everything else in it means.
    """

    text: str
    key: Node
    version: str
    is_exact: bool
    others: object


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a text a version stands, and what may be written there, the best first."""

    start: int
    end: int
    ways: Sequence[str]


def _read(file: str, data: bytes) -> _Content | None:
    """What the bytes say; None where they are no environment with a version."""
    reading = parse(data)
    if not isinstance(reading.content, MappingNode):
        return None
    pairs = [Entry(*pair) for pair in entries(reading.content)]
    versions = [entry for entry in pairs if entry.key.value == "version"]
    report = Report(file, {})
    version = read_version(report, versions[-1].value) if versions else None
    if version is None:
        return None
    others = [_meaning(part) for entry in pairs if entry not in versions for part in entry]
    return _Content(reading.document.text, versions[-1].key, version, not report.problems, others)


def _meaning(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return node.tag, node.value
    if isinstance(node, MappingNode):
        return node.tag, [(_meaning(key), _meaning(item)) for key, item in entries(node)]
    return node.tag, [_meaning(item) for item in node.value]


def _find(content: _Content, after: str) -> _Place | None:
    """The place of the version; None where nothing that could be replaced follows its key."""
    from ruamel.yaml import YAML, tokens
    from ruamel.yaml.error import YAMLError

    key_end = content.key.end_mark.index
    quoted = f'"{after}"'
    try:
        for token in YAML().scan(content.text):
            start, end = token.start_mark.index, token.end_mark.index
            if start < key_end:
                continue
            if isinstance(token, tokens.AliasToken):
                return _Place(start, end, [quoted])
            if isinstance(token, tokens.ScalarToken):
                if token.style in ("|", ">"):
                    start = content.text.rindex(token.value.strip(), start, end)
                    return _Place(start, start + len(token.value.strip()), [after])
                quote = token.style or ""
                ways = [quote + after + quote] if quote else [after, quoted]
                return _Place(start, end, ways)
    except YAMLError:
        pass  # YAML 1.2 has other words than the YAML 1.1 of azure-ai-ml
    return None


def _raw_index(raw: str, index: int) -> int:
    """Where a character of a text stands in the raw one, whose line ends may be two characters."""
    for found in re.finditer("\r\n", raw):
        if found.start() >= index:
            break
        index += 1
    return index
