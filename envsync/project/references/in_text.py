"""Finds references in text that is not parsed: YAML that is not valid, and very large Python code.

Every reference is probable, because the text is only searched line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from envsync.model.reference import Reference
from envsync.model.use import User
from envsync.project.problems import ignored_in
from envsync.project.references.text import MAX_REFERENCES, read_text, with_parts

_IN_YAML: Final = re.compile(
    r"""^[ \t-]*["']?environment["']?[ \t]*:[ \t]+["']?(?P<text>azureml:[^\s"'#,}]+)""",
    re.MULTILINE,
)
_IN_PYTHON: Final = re.compile(r"""(["'])(?P<text>azureml:[^\s"'\\]+)\1""")
_ENV: Final = re.compile(r"env", re.IGNORECASE)
_IGNORE: Final = re.compile("#[ \t]*envsync:.*")
_NEAR: Final = 100
"""Maximum number of characters between a reference and its name or comment."""


def references_in_yaml_text(file: str, text: str) -> Iterator[Reference]:
    """Yields the references in YAML that is not valid, such as a template."""
    return _references(file, text, _IN_YAML.finditer(text), place="environment")


def references_in_python_text(file: str, text: str, user: User) -> Iterator[Reference]:
    """Yields the strings that start with `azureml:`, on lines with `env` before the string."""
    found = (
        match
        for match in _IN_PYTHON.finditer(text)
        if _ENV.search(text, _line_start(text, match.start()), match.start())
    )
    every = _references(file, text, found, place="string", user=user)
    return (item for item in every if item.form != "invalid")


def _line_start(text: str, index: int) -> int:
    first = max(0, index - _NEAR)
    return max(first, text.rfind("\n", first, index) + 1)


def _references(
    file: str, text: str, found: Iterable[re.Match[str]], *, place: str, user: User = "unknown"
) -> Iterator[Reference]:
    line, line_start, before = 1, 0, 0
    for match in islice(found, MAX_REFERENCES):
        start = match.start("text")
        # Counting lines from the start of the text each time would take minutes for a megabyte of
        # references.
        line += text.count("\n", before, start)
        line_start = max(line_start, text.rfind("\n", before, start) + 1)
        before = start
        rest = text[match.end() : match.end() + _NEAR].partition("\n")[0]
        comment = _IGNORE.search(rest)
        reference = Reference(
            file=file,
            line=line,
            column=start - line_start + 1,
            text=match["text"],
            form="invalid",
            certainty="probable",
            user=user,
            place=place,
            ignored=ignored_in(comment.group()) if comment else frozenset(),
        )
        yield with_parts(reference, read_text(match["text"]))
