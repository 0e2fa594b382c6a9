"""Reads templates. A template is not valid YAML before its placeholders are replaced by values."""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from envsync.model.reference import Inline, Reference
from envsync.project.references.text import FILLER

# These patterns match the expressions and statements of Jinja and similar tools. If the end of an
# expression is missing, the pattern matches the rest of the line. If the end of a statement is
# missing, the pattern matches the rest of the text. Otherwise, `re` would search this rest again
# from each further `{{` or `{%`, which would take minutes.
_EXPRESSION: Final = re.compile(r"\{\{[^\n]*?(?P<end>\}\}|$)", re.MULTILINE)
_STATEMENT: Final = re.compile(r"\{[%#].*?(?P<end>[%#]\}|\Z)", re.DOTALL)


def filled(data: bytes) -> bytes:
    """Converts a template to YAML: writes `FILLER` over expressions, and spaces over statements.

    The other characters stay at their positions.
    """
    text = data.decode("utf-8-sig", "replace")
    text = _STATEMENT.sub(
        lambda found: re.sub(r"[^\n]", " ", found.group()) if found["end"] else found.group(), text
    )
    return _EXPRESSION.sub(
        lambda found: FILLER * len(found.group()) if found["end"] else found.group(), text
    ).encode()


def from_template(reference: Reference) -> Reference:
    """Marks a reference in a template as probable, and shows `{{…}}` instead of each filler."""
    inline = reference.inline
    if inline is not None:
        inline = Inline(
            image=_shown(inline.image),
            conda_file=_shown(inline.conda_file),
            build=_shown(inline.build),
        )
    return replace(
        reference,
        text=_shown(reference.text) or "",
        certainty="probable",
        inline=inline,
    )


def _shown(text: str | None) -> str | None:
    return None if text is None else re.sub(f"{FILLER}+", "{{…}}", text)
