"""One text for each JSON value, and digests over it."""

from __future__ import annotations

import hashlib
import json
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


def canonical_json(value: JSON) -> str:
    """The one text of a JSON value: keys sorted, no white space, no escapes.

    Two values have the same text exactly when they mean the same: the order of mappings does not
    count, the order of lists does, and `1`, `1.0`, `true` and `"1"` all differ.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON cannot say.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_digest(text: str) -> str:
    """`sha256:` and 64 hex digits over the UTF-8 bytes of a text."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
