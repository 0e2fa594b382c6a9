"""Reads templates: files that become valid YAML once their placeholders have values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from envsync.model.reference import Inline, Reference
from envsync.project.references.text import FILLER, read_text, with_parts

# The expressions and statements of templates for Jinja and similar tools.
_EXPRESSION: Final = re.compile(r"\{\{[^\n]*?\}\}")
_STATEMENT: Final = re.compile(r"\{[%#].*?[%#]\}", re.DOTALL)
# The text of a reference in a file that is not valid YAML.
_LINE: Final = re.compile(
    r"""^[ \t-]*["']?environment["']?[ \t]*:[ \t]+["']?(?P<text>azureml:[^\s"'#,}]+)""",
    re.MULTILINE,
)


def filled(data: bytes) -> bytes:
    """Returns a template as YAML: with filler instead of placeholders, and without statements.

    Every character stays at its position.
    """
    text = data.decode("utf-8-sig", "replace")
    text = _STATEMENT.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    return _EXPRESSION.sub(lambda found: FILLER * len(found.group()), text).encode()


def from_template(reference: Reference) -> Reference:
    """Returns a reference of a template, which is probable, with placeholders instead of filler."""
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
