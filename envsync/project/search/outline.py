"""Finds the top-level keys of a YAML text without parsing it.

Most YAML files of a repository are not environment files, and parsing all of them would be slow.
Finding an outline is many times faster than parsing, and also works if the YAML is not valid.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

MAX_DOCUMENTS: Final = 1_000
"""Maximum number of document markers at which a text is split.

The last part is not split further.
"""

# Matches the first line that is not a blank line, a comment, a YAML directive or a document marker.
_FIRST: Final = re.compile(
    rb"^(?![ \t]*(?:#|$)|%|(?:---|\.\.\.)(?:[ \t]+#|[ \t]*$))( *)", re.MULTILINE
)
_SCHEMA: Final = rb"""(?m)^[ {]*["']?\$schema["']?[ \t]*:\s*(?:[>|][-+0-9]*\s+)?["']?([^\s"'#]+)"""
# For a flow mapping, these two patterns replace the two patterns of `_patterns`. `_FLOW_KEY` finds
# the keys of every level, not only of the top level.
_FLOW_KEY: Final = rb"""[{,]\s*["']?([A-Za-z_$][\w.$-]*)["']?\s*:"""
_FLOW_OTHER: Final = rb"""[{,]\s*(?:[?&*!#]|<<|"[^"\n]*\\)"""
# Matches a line at which a document starts or ends. No scalar can contain such a line.
_MARKER: Final = rb"(?m)^(?:---|\.\.\.)(?=[ \t\n]|\Z)"
# YAML 1.1 also ends a line at one of these characters (https://yaml.org/spec/1.1/#b-char).
_UNICODE_BREAKS: Final = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")


class Outline(Struct, frozen=True):
    """The top-level keys of a YAML text, found without parsing the text.

    Attributes:
        text: the text in UTF-8, without byte order marks, and with line feeds as line ends.
        keys: the top-level keys. Every key is included if the text is valid YAML and `is_certain`
            is True. Words from a string on several lines can be included although they are not
            keys.
        hiding: a pattern for YAML syntax that can contain further keys, or None if the text has
            only blank lines and comments. A match starts with a line feed.
        documents: the outlines of all documents that are not empty, or () if the text has a single
            document.
    """

    text: bytes
    keys: frozenset[str] = frozenset()
    hiding: re.Pattern[bytes] | None = None
    documents: tuple[Outline, ...] = ()

    @property
    def parts(self) -> tuple[Outline, ...]:
        """The outline of each document. Keys of different documents do not belong together."""
        return self.documents or (self,)

    @property
    def is_empty(self) -> bool:
        """True if the text has only blank lines and comments."""
        return self.hiding is None

    @property
    def is_certain(self) -> bool:
        """False if the text can have top-level keys that are not in `keys`."""
        return self.hiding is None or self.hiding.search(b"\n" + self.text) is None

    @property
    def schema(self) -> str | None:
        """The first word of the value of `$schema`, or None if the key is missing."""
        found = re.search(_SCHEMA, self.text) if b"$schema" in self.text else None
        return found.group(1).decode("utf-8", "replace") if found else None


def outline(data: bytes) -> Outline:
    """Returns the outline of the bytes of a YAML file."""
    text = _with_line_feeds(data)
    found, documents = _outline(text), _documents(text)
    return replace(found, documents=documents) if documents else found


def _documents(text: bytes) -> tuple[Outline, ...]:
    """Returns the outlines of the documents that are not empty, or () for a single document."""
    if b"\n---" not in text and b"\n..." not in text:
        return ()
    markers = islice(re.finditer(_MARKER, text), MAX_DOCUMENTS)
    starts = [0, *(found.start() for found in markers if found.start())]
    parts = (
        _outline(text[start:end]) for start, end in zip(starts, [*starts[1:], None], strict=True)
    )
    found = tuple(part for part in parts if not part.is_empty)
    return found if len(found) > 1 else ()


def _outline(text: bytes) -> Outline:
    first = _FIRST.search(text)
    if first is None:
        return Outline(text)
    # `{{` and `{%` start expressions of templates, not flow mappings.
    if text.startswith(b"{", first.end()) and not text.startswith((b"{{", b"{%"), first.end()):
        pattern, hiding = re.compile(_FLOW_KEY), re.compile(_FLOW_OTHER)
    else:
        pattern, hiding = _patterns(len(first.group(1)))
    return Outline(text, frozenset(map(bytes.decode, pattern.findall(b"\n" + text))), hiding)


@lru_cache
def _patterns(indent: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Returns two patterns for a text whose top level is not a flow mapping (`{…}`).

    The first pattern finds keys of letters, digits and a few other characters. The second pattern
    finds YAML syntax that can contain other keys: a flow mapping, an explicit key, an anchor, an
    alias, a tag, a merge key, or a quoted string with an escape.
    """
    # `re` finds a line feed faster than the start of a line.
    start = rb"\n(?: {%d})?" % indent if indent else b"\n"
    key = rb"""["']?([A-Za-z_$][\w.$-]*)["']?[ \t]*:(?:[ \t]|$)"""
    other = rb"""(?:[{?&*!]|<<|"[^"\n]*\\|--- *[^ \n#])"""
    return re.compile(start + key, re.MULTILINE), re.compile(start + other, re.MULTILINE)


def _with_line_feeds(data: bytes) -> bytes:
    """Returns the text in UTF-8, without byte order marks, and with line feeds as line ends."""
    # `load` rejects UTF-16 with an error. The outline must find the keys of such a file, because
    # otherwise the file would be passed over without an error.
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
