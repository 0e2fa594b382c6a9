"""Reads templates. A template is not valid YAML before its placeholders are replaced by values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from envsync.model.reference import Inline, Reference
from envsync.project.references.text import FILLER, read_text, with_parts

# These patterns match the expressions and statements of Jinja and similar tools.
_EXPRESSION: Final = re.compile(r"\{\{[^\n]*?\}\}")
_STATEMENT: Final = re.compile(r"\{[%#].*?[%#]\}", re.DOTALL)
# Matches a line with a reference in a file that is not valid YAML.
_LINE: Final = re.compile(
    r"""^[ \t-]*["']?environment["']?[ \t]*:[ \t]+["']?(?P<text>azureml:[^\s"'#,}]+)""",
    re.MULTILINE,
)


def filled(data: bytes) -> bytes:
    """Converts a template to YAML: replaces each placeholder by filler, and removes statements.

    Every character stays at its position.
    """
    text = data.decode("utf-8-sig", "replace")
    text = _STATEMENT.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    return _EXPRESSION.sub(lambda found: FILLER * len(found.group()), text).encode()


def from_template(reference: Reference) -> Reference:
    """Makes a reference in a template probable, and replaces filler by placeholders."""
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


def references_in_text(file: str, data: bytes) -> Iterator[Reference]:
    """Yields the references in a text that is not valid YAML, such as a template."""
    text = data.decode("utf-8-sig", "replace")
    for match in _LINE.finditer(text):
        start = match.start("text")
        line_start = text.rfind("\n", 0, start) + 1
        reference = Reference(
            file=file,
            line=text.count("\n", 0, start) + 1,
            column=start - line_start + 1,
            text=match["text"],
            form="invalid",
            certainty="probable",
            place="environment",
        )
        yield with_parts(reference, read_text(match["text"]))
