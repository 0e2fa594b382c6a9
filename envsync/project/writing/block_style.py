"""Writes YAML in block style with the emitter of ruamel.yaml, with lists indented below their key.

scalars.py has already chosen the style of each scalar. The emitter therefore does not look at the
characters of each scalar again, which would take seconds for a long text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.emitter import RoundTripEmitter, ScalarAnalysis
from ruamel.yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.tag import Tag

from envsync.project.yaml.nodes import MAP, SEQ, STR

FOLD: Final = "\a "
"""The mark of a line break in a folded text. It is a convention of ruamel.yaml."""

_INDENT: Final = 2
_NEVER_FOLDED: Final = 1_000_000
_LINE_BREAKS: Final = frozenset("\n\x85\u2028\u2029")

# Matches the strings that YAML and JSON escape in the same way.
_ESCAPED_LIKE_JSON: Final = re.compile(r"[\t\n\r -~]*")

_IMPLICIT: Final = (True, True, True)
_SCALAR, _MAPPING, _SEQUENCE = (Tag(suffix=tag) for tag in (STR, MAP, SEQ))


class Styled(NamedTuple):
    """A string that is written in quotes (`"`), as literal lines (`|`) or as folded lines (`>`)."""

    text: str
    style: Literal['"', "|", ">"]


Written: TypeAlias = "str | Styled | dict[str | Styled, Written] | list[Written]"
"""A value as it is written. A string is written without quotes and without any check."""


class _Emitter(RoundTripEmitter):
    """Writes each scalar in the style of its event."""

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        return ScalarAnalysis(
            scalar=scalar,
            empty=not scalar,
            multiline=not _LINE_BREAKS.isdisjoint(scalar),
            allow_flow_plain=True,
            allow_block_plain=True,
            allow_single_quoted=True,
            allow_double_quoted=True,
            allow_block=True,
        )

    def write_plain(self, text: str, split: bool = True) -> None:
        if self.root_context:
            super().write_plain(text, split)
        else:
            self.write_indicator(text, need_whitespace=True)

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        if _ESCAPED_LIKE_JSON.fullmatch(text):
            self.write_indicator(json.dumps(text), need_whitespace=True)
        else:
            super().write_double_quoted(text, split)


def yaml_text(value: Written) -> str:
    """Returns the text of a YAML file."""
    stream = StringIO()
    writer = YAML()
    writer.Emitter = _Emitter
    writer.indent(mapping=_INDENT, sequence=2 * _INDENT, offset=_INDENT)
    writer.width = _NEVER_FOLDED
    writer.allow_unicode = True
    writer.emit(_document(value), stream)
    return stream.getvalue()


def _document(value: Written) -> Iterator[Event]:
    yield StreamStartEvent()
    yield DocumentStartEvent(explicit=False)
    yield from _events(value)
    yield DocumentEndEvent(explicit=False)
    yield StreamEndEvent()


def _events(value: Written) -> Iterator[Event]:
    if isinstance(value, str):
        yield _scalar(value, None)
    elif isinstance(value, Styled):
        yield _scalar(*value)
    elif isinstance(value, dict):
        yield MappingStartEvent(None, _MAPPING, True, flow_style=False)
        for key, item in value.items():
            yield from _events(key)
            yield from _events(item)
        yield MappingEndEvent()
    else:
        yield SequenceStartEvent(None, _SEQUENCE, True, flow_style=False)
        for item in value:
            yield from _events(item)
        yield SequenceEndEvent()


def _scalar(text: str, style: str | None) -> Any:
    return ScalarEvent(None, _SCALAR, _IMPLICIT, text, style=style)
