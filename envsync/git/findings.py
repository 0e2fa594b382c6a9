"""What a comparison with git finds, as problems with their places in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envsync.model.declaration import Declaration, Source
from envsync.model.problem import Problem, Severity
from envsync.model.wording import MAX_MESSAGE, printable
from envsync.plan.change import FieldChange, Rejection
from envsync.project.files import Sources
from envsync.project.locate import Position, locate
from envsync.render.values import value_text

if TYPE_CHECKING:
    from envsync.model.canonical import JSON

_SIGNS: Final = {"added": "+", "removed": "-", "modified": "~"}
_MOST_FILES: Final = 5
_MOST_VALUE: Final = 80
_MOST_CHANGES: Final = 300
"""Characters; what is left out of a message stands in the JSON."""


def edited(root: Path, rejection: Rejection, source: Source) -> Problem:
    """An edit of what is fixed, on the line of the first field that changed."""
    place = _locate(root, source, rejection.fields[0].path)
    message = f"{rejection.message.removesuffix('.')}: {_changes(rejection.fields)}"
    fix = f"Run `{rejection.fix}`, or undo the edit."
    return _problem("immutable", "error", place, message, fix)


def went_back(root: Path, declaration: Declaration, version: str) -> Problem:
    """A name whose highest version was a higher one, which is gone."""
    message = (
        f"The highest version of `{declaration.name}` was {version}, and now it is "
        f"{declaration.version}."
    )
    place = _locate(root, declaration.source, "version")
    fix = f"Declare a version above {version}, or keep {version}."
    return _problem("version-goes-back", "warning", place, message, fix)


def git_ignored(root: Path, source: Source, field: str) -> Problem:
    """An environment file that git ignores, or a field that names such a file."""
    what = f"what `{field}` names" if field else "this file"
    place = _locate(root, source, field) if field else Position(source.file, 1, 1)
    message = f"Git ignores {what}, so no commit holds it."
    fix = "Take it out of `.gitignore`, or add it with `git add --force`."
    return _problem("ignored-by-git", "warning", place, message, fix)


def _problem(rule: str, severity: Severity, place: Position, message: str, fix: str) -> Problem:
    return Problem(
        rule,
        severity,
        printable(message, MAX_MESSAGE),
        place.file,
        place.line,
        place.column,
        printable(fix, MAX_MESSAGE),
    )


def _locate(root: Path, source: Source, field: str) -> Position:
    sources = Sources(str(root), os.path.realpath(root))
    place = locate(str(root / source.file), field, sources)
    return place or Position(source.file, source.line, 1)


def _changes(fields: Sequence[FieldChange]) -> str:
    """Every field with before and after, as far as a message has room."""
    parts: list[str] = []
    for field in fields:
        part = f"`{field.path}` {_change(field)}"
        if parts and len(", ".join([*parts, part])) > _MOST_CHANGES:
            break
        parts.append(part)
    more = len(fields) - len(parts)
    rest = f" and {more} more field{'' if more == 1 else 's'}" if more else ""
    return f"{', '.join(parts)}{rest}."


def _change(field: FieldChange) -> str:
    files = [f"{_SIGNS[change]} {file}" for file, change in field.files.items()]
    if not files:
        return f"{_value(field.before)} → {_value(field.after)}"
    more = len(files) - _MOST_FILES
    return f"({'; '.join(files[:_MOST_FILES])}{f' and {more} more' if more > 0 else ''})"


def _value(value: JSON) -> str:
    text = value_text(value)
    return text if len(text) <= _MOST_VALUE else text[: _MOST_VALUE - 1] + "…"
