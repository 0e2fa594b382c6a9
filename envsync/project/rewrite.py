"""Replaces the version or the image in an environment file. All other bytes stay the same.

ruamel.yaml is used only to find the position of the value, because its output would reformat the
file. Each candidate for the new file is parsed as azure-ai-ml would parse it. A candidate is used
only if it has the new value and all other values are unchanged.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.model.errors import EnvsyncError
from envsync.project.environment.identity import read_version
from envsync.project.files import parse
from envsync.project.problems import Report
from envsync.project.yaml.nodes import STR, Entry, entries


class Rewritten(Struct, frozen=True):
    """An environment file with the new version.

    Attributes:
        data: the bytes of the file.
        line: the 1-based line that changed.
    """

    data: bytes
    line: int


def rewrite_version(file: str, data: bytes, *, before: str, after: str) -> Rewritten:
    """Replaces the version in the bytes of an environment file.

    Existing quotes around the version are kept. Quotes are added if YAML would otherwise read the
    new version as another value.

    Args:
        file: the file name in messages.
        data: the bytes of the file.
        before: the version that the file declares.
        after: the new version.

    Raises:
        EnvsyncError: the file does not declare `before`, or the version cannot be replaced
            without changing other values.
    """
    old = _read(file, data, "version")
    if old is None or old.value != before:
        raise _changed(file, f"version {before}")
    for span, candidate in _candidates(data, old, after):
        if _is_wanted(_read(file, candidate, "version"), old, after):
            return Rewritten(candidate, old.text.count("\n", 0, span.start) + 1)
    raise EnvsyncError(
        f"{file}: envsync cannot replace the version by {after} without changing other values, "
        "because of a YAML anchor, merge or tag. Edit the file by hand."
    )


def rewrite_image(
    file: str,
    data: bytes,
    *,
    before: str,
    after: str,
    comment: Callable[[str], str] | None = None,
) -> bytes:
    """Replaces the image in the bytes of an environment file.

    Args:
        file: the file name in messages.
        data: the bytes of the file.
        before: the image that the file declares.
        after: the new image. It can be equal to `before`.
        comment: a function that changes the comment of the last line of the value. The function
            gets and returns the line without its line end.

    Raises:
        EnvsyncError: the file does not declare `before`, or the image cannot be replaced without
            changing other values.
    """
    old = _read(file, data, "image")
    if old is None or old.value != before:
        raise _changed(file, f"the image {before}")
    for span, candidate in _candidates(data, old, after):
        if comment is not None:
            candidate = _with_comment(candidate, old.text.count("\n", 0, span.end), comment)
        if _is_wanted(_read(file, candidate, "image"), old, after):
            return candidate
    raise EnvsyncError(
        f"{file}: envsync cannot replace the image by {after} without changing other values, "
        "because of a YAML anchor, merge or tag. Edit the file by hand."
    )


def _changed(file: str, what: str) -> EnvsyncError:
    return EnvsyncError(
        f"{file} no longer declares {what}, because the file changed while envsync "
        "used it. Run the command again."
    )


def _with_comment(data: bytes, number: int, comment: Callable[[str], str]) -> bytes:
    """Replaces the line at the 0-based index `number` by the result of `comment`."""
    lines = data.splitlines(keepends=True)
    body = lines[number].rstrip(b"\r\n")
    lines[number] = comment(body.decode()).encode() + lines[number][len(body) :]
    return b"".join(lines)


def _candidates(data: bytes, old: _Content, after: str) -> Iterator[tuple[_Span, bytes]]:
    """Yields each candidate for the new file, with the span that was replaced."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    raw = data.removeprefix(mark).decode()
    span = _find(old, after)
    if span is not None:
        start, end = (_raw_index(raw, index) for index in (span.start, span.end))
        for candidate in span.candidates:
            yield span, mark + (raw[:start] + candidate + raw[end:]).encode()


def _is_wanted(new: _Content | None, old: _Content, after: str) -> bool:
    return new is not None and new.is_exact and new.value == after and new.others == old.others


class _Content(Struct, frozen=True):
    """A parsed environment file.

    Attributes:
        text: the text, with line feeds as line ends.
        key: the key of the field.
        value: the value of the field.
        is_exact: True if the value is valid and YAML does not change its text.
        others: the parsed values of all other fields, for comparison with `==`.
    """

    text: str
    key: Node
    value: str
    is_exact: bool
    others: object


class _Span(Struct, frozen=True):
    """The part of a text that is replaced.

    Attributes:
        start: the index of the first character of the part.
        end: the index after the last character of the part.
        candidates: possible new texts for the part. The preferred text comes first.
    """

    start: int
    end: int
    candidates: Sequence[str]


def _read(file: str, data: bytes, field: str) -> _Content | None:
    """Parses an environment file. Returns None if the file has no field with the name `field`."""
    parsed = parse(data)
    if not isinstance(parsed.content, MappingNode):
        return None
    pairs = [Entry(*pair) for pair in entries(parsed.content)]
    # If the key is repeated or merged in, the last value wins, as in azure-ai-ml.
    found = [entry for entry in pairs if entry.key.value == field]
    report = Report(file, {})
    value = _value(report, found[-1].value, field) if found else None
    if value is None:
        return None
    return _Content(
        text=parsed.document.text,
        key=found[-1].key,
        value=value,
        is_exact=not report.problems,
        others=[
            _meaning(part)
            for entry in pairs
            if entry not in found
            for part in (entry.key, entry.value)
        ],
    )


def _value(report: Report, node: Node, field: str) -> str | None:
    if field == "version":
        return read_version(report, node)
    return node.value if isinstance(node, ScalarNode) and node.tag == STR else None


def _meaning(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return node.tag, node.value
    if isinstance(node, MappingNode):
        return node.tag, [(_meaning(key), _meaning(item)) for key, item in entries(node)]
    return node.tag, [_meaning(item) for item in node.value]


def _find(content: _Content, after: str) -> _Span | None:
    """Returns the span of the value, or None if no scalar or alias follows the key."""
    from ruamel.yaml import YAML, tokens
    from ruamel.yaml.error import YAMLError

    # PyYAML's nodes cannot locate the value, because the node of an alias has the position of its
    # anchor. The scanner of ruamel.yaml gives every token its own position.
    key_end = content.key.end_mark.index
    quoted = f'"{after}"'
    try:
        for token in YAML().scan(content.text):
            start, end = token.start_mark.index, token.end_mark.index
            if start < key_end:
                continue
            if isinstance(token, tokens.AliasToken):
                return _Span(start, end, [quoted])
            if isinstance(token, tokens.ScalarToken):
                # The token of a block scalar starts with a header such as `|-`, which must be kept.
                if token.style in ("|", ">"):
                    start = content.text.rindex(token.value.strip(), start, end)
                    return _Span(start, start + len(token.value.strip()), [after])
                quote = token.style or ""
                candidates = [quote + after + quote] if quote else [after, quoted]
                return _Span(start, end, candidates)
    except YAMLError:
        pass  # ruamel.yaml reads YAML 1.2 and may refuse a file that is valid YAML 1.1
    return None


def _raw_index(raw: str, index: int) -> int:
    """Converts an index of the text with line feeds to an index of the raw text with CRLF."""
    for found in re.finditer("\r\n", raw):
        if found.start() >= index:
            break
        index += 1
    return index
