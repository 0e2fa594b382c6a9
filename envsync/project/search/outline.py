"""Finds the top-level keys of a YAML text without parsing it.

Most YAML files of a repository are no environment files. An outline is found many times faster than
a file is parsed, and it is also found in a file that is not valid YAML.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# The first line that is neither blank, nor a comment, a directive or a marker of YAML.
_FIRST: Final = re.compile(
    rb"^(?![ \t]*(?:#|$)|%|(?:---|\.\.\.)(?:[ \t]+#|[ \t]*$))( *)", re.MULTILINE
)
_SCHEMA: Final = re.compile(
    rb"""^[ {]*["']?\$schema["']?[ \t]*:\s*(?:[>|][-+0-9]*\s+)?["']?([^\s"'#]+)""", re.MULTILINE
)
# In a flow mapping, keys of every level are found. `_FLOW_OTHER` is as in `_patterns`.
_FLOW_KEY: Final = re.compile(rb"""[{,]\s*["']?([A-Za-z_$][\w.$-]*)["']?\s*:""")
_FLOW_OTHER: Final = re.compile(rb"""[{,]\s*(?:[?&*!#]|<<|"[^"\n]*\\)""")
# YAML 1.1 ends a line at these characters, too: https://yaml.org/spec/1.1/#b-char
_UNICODE_BREAKS: Final = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")


@dataclass(frozen=True, slots=True)
class Outline:
    """What a text shows without being parsed.

    Attributes:
        keys: the top-level keys. If the text is valid YAML, every key is included; a line of a
            string on several lines may be included as well.
        schema: the first word of the value of `$schema`, or None without this key.
        is_certain: False if the text may have top-level keys that are not in `keys`.
        is_empty: True if the text has only blank lines and comments.
    """

    keys: frozenset[str] = frozenset()
    schema: str | None = None
    is_certain: bool = True
    is_empty: bool = False


def outline(data: bytes) -> Outline:
    """Returns the outline of the bytes of a YAML file."""
    text = _with_line_feeds(data)
    first = _FIRST.search(text)
    if first is None:
        return Outline(is_empty=True)
    schema = _SCHEMA.search(text) if b"$schema" in text else None
    if text.startswith(b"{", first.end()) and not text.startswith((b"{{", b"{%"), first.end()):
        keys, other = _FLOW_KEY, _FLOW_OTHER
    else:
        keys, other = _patterns(len(first.group(1)))
    return Outline(
        keys=frozenset(key.decode() for key in keys.findall(text)),
        schema=schema.group(1).decode("utf-8", "replace") if schema else None,
        is_certain=other.search(text) is None,
    )


@lru_cache
def _patterns(indent: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Returns the patterns of a text whose top level is not a flow mapping (`{…}`).

    The first pattern finds keys of letters, digits and a few other characters. The second finds
    everything in which other keys may be hidden: a flow mapping, an explicit key, an anchor, an
    alias, a tag, a merge key, or a quoted string with an escape.
    """
    start = rb"^(?: {%d})?" % indent if indent else b"^"
    key = rb"""["']?([A-Za-z_$][\w.$-]*)["']?[ \t]*:(?:[ \t]|$)"""
    other = rb"""(?:[{?&*!]|<<|"[^"\n]*\\|--- *[^ \n#])"""
    return re.compile(start + key, re.MULTILINE), re.compile(start + other, re.MULTILINE)


def _with_line_feeds(data: bytes) -> bytes:
    """Returns the text in UTF-8, without byte order marks, and with line feeds as line ends."""
    # envsync does not read UTF-16, but the user must learn why the file is not read.
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data.isascii():
        # YAML skips byte order marks at the start of a line.
        data = data.replace(codecs.BOM_UTF8, b"")
        for item in _UNICODE_BREAKS:
            data = data.replace(item, b"\n")
    return data
