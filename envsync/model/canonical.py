"""Canonical JSON: one string for each JSON value, and digests of it."""

from __future__ import annotations

import hashlib
import json
from typing import Protocol, TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


class ToJson(Protocol):
    """A value that can be represented as a JSON object."""

    def to_json(self) -> dict[str, JSON]:
        """The value as JSON data."""
        ...


def canonical_json(value: JSON) -> str:
    """The canonical JSON of a value: sorted keys, no white space, only necessary escapes.

    Two values have the same canonical JSON exactly if they mean the same. The order of keys in a
    mapping has no meaning, the order of a list has. `1`, `1.0`, `true` and `"1"` are four values.

    Raises:
        ValueError: the value contains NaN or an infinity, which JSON cannot represent.
    """
    # Tags and approvals contain digests of this string, and docs/digest.md describes it for other
    # programs. Every change of these options would invalidate them.
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_digest(text: str) -> str:
    """`sha256:` and 64 hex digits: the SHA-256 of a string's UTF-8 bytes."""
    # The prefix allows another algorithm later: a digest says how it was computed.
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
