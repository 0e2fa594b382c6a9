"""Canonical JSON (equal values give equal strings), and SHA-256 digests of strings."""

from __future__ import annotations

import json
from typing import Final, Protocol, TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


class ToJson(Protocol):
    """A value that can be represented as a JSON object."""

    def to_json(self) -> dict[str, JSON]:
        """Returns the value as JSON data."""
        ...


def canonical_json(value: JSON) -> str:
    """Returns the canonical JSON of a value: sorted keys, no white space, only necessary escapes.

    The order of keys in a mapping does not change the result, but the order of a list does. `1`,
    `1.0`, `true` and `"1"` are four different values.

    Raises:
        ValueError: the value contains NaN or an infinity, which JSON cannot represent.
    """
    return _ENCODER.encode(value)


# Reserved tags and approvals contain digests of canonical JSON, and docs/reference/digest.md
# documents its format. With other options, no existing digest would match.
_ENCODER: Final = json.JSONEncoder(
    sort_keys=True,
    separators=(",", ":"),
    ensure_ascii=False,
    allow_nan=False,
    # A `JSON` value contains no cycle, so a check for cycles would only take time.
    check_circular=False,
)


def sha256_digest(text: str) -> str:
    """Returns `sha256:` and 64 hex digits: the SHA-256 of the string in UTF-8."""
    # Imported here, because OpenSSL takes long to load, and many commands need no digest.
    import hashlib

    # The prefix is the name of the algorithm, so that a later format can use another algorithm.
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
