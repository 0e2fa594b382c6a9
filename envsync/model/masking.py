"""Hides credentials in text that envsync shows. Digests and comparisons use the real values.

`printable` in wording.py and the JSON of plans hide credentials with `masked`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from envsync.model.secrets import (
    IN_CHANNEL,
    PLACEHOLDER,
    USER_INFO,
    private_keys,
    token_spans,
    url_before,
)

if TYPE_CHECKING:
    from envsync.model.canonical import JSON

MASK: Final = "***"
"""The text that is shown instead of a credential."""

# Only text with one of these strings can contain a credential.
_HINTS: Final = re.compile(
    r"://|sig=|PRIVATE KEY|[Kk]ey|KEY|[Ww]d=|WD=|[Ww]ord=|WORD=|gh[pousr]_|github_pat_|glpat-"
    r"|pypi-Ag|hf_|A[KS]IA|Q~|\+A[SC]|AZDO|eyJ"
)
# Not compiled here, because only text with `=` needs the pattern.
_PARAMETER: Final = (
    r"(?i)(?:[?&;,\"']|\b)(?:sig|signature|accountkey|sharedaccesskey|sharedaccesssignature)=([^&;\s\"'<>`]+)"
    r"|[?&](?:code|key|[\w-]{0,40}(?:token|password|passwd|secret|api[_-]?key))=([^&\s\"'<>#`]+)"
)
_WEB: Final = ("http", "https", "ftp", "ftps")
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9.-]*\Z"
# Matches the number in the address of a forum topic, such as `/t/how-to-install/123`. The word
# before the number is not a token.
_TOPIC: Final = r"/\d+(?![^/?#\s])"


def masked(text: str) -> str:
    """Returns a text with `***` instead of each credential.

    Hides signatures, account keys, tokens in the formats `TOKENS`, and passwords and tokens in
    URLs. A placeholder such as `${TOKEN}` is not hidden.
    """
    if not _HINTS.search(text):
        return text
    spans = sorted(_spans(text))
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        # Spans can overlap: a token can be the password of a URL.
        if stop <= end:
            continue
        if start >= end:
            parts += (text[end:start], MASK)
        end = stop
    return "".join([*parts, text[end:]])


def masked_json(value: JSON) -> JSON:
    """Returns JSON data in which `masked` is applied to every string, keys included."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, list):
        return [masked_json(item) for item in value]
    if isinstance(value, dict):
        return {masked(key): masked_json(item) for key, item in value.items()}
    return value


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yields the start and the end of each credential. Spans can overlap."""
    for _, start, stop in token_spans(text):
        yield start, stop
    for match in re.finditer(_PARAMETER, text) if "=" in text else ():
        group = 1 if match.group(1) is not None else 2
        if not re.fullmatch(PLACEHOLDER, match.group(group)):
            yield match.span(group)
    end = 0
    for match in private_keys(text):
        if match.start() >= end:
            found = text.find("-----END", match.end())
            end = len(text) if found < 0 else found
            yield match.end(), end
    if "://" in text:
        yield from _url_spans(text)


def _url_spans(text: str) -> Iterator[tuple[int, int]]:
    # A text can contain thousands of URLs, and `re` looks up a pattern in each call.
    is_placeholder = re.compile(PLACEHOLDER).fullmatch
    is_topic = re.compile(_TOPIC).match
    for match in re.finditer(USER_INFO, text) if "@" in text else ():
        user, colon, password = match.group(1).partition(":")
        if is_placeholder(user) and is_placeholder(password):
            continue
        # In `https://TOKEN@host`, the user name is the credential. In `ssh://git@host`, it is not.
        if colon or (user != "git" and _is_web(text, match.start())):
            yield match.span(1)
    for match in re.finditer(IN_CHANNEL, text) if "/t/" in text else ():
        token, (start, end) = match[1], match.span(1)
        if token.isdigit() or is_placeholder(token) or is_topic(text, end):
            continue
        if url_before(text, match.start()):
            yield start, end


def _is_web(text: str, end: int) -> bool:
    """Returns True if the scheme before the index `end` is a scheme of the web, or is missing."""
    scheme = re.compile(_SCHEME).search(text, max(0, end - 20), end)
    return scheme is None or scheme.group().lower() in _WEB
