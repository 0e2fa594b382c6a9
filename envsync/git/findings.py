"""Converts the results of a comparison with git to problems with positions in files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from envsync.model.declaration import Declaration, Source
from envsync.model.problem import Problem, Severity
from envsync.model.wording import MAX_MESSAGE, printable
from envsync.plan.change import FieldChange, Rejection
from envsync.project.locate import Position
from envsync.render.field_view import FieldView, ItemLine, field_views
from envsync.render.values import NONE

if TYPE_CHECKING:
    from envsync.project.project import Project

_MAX_ITEMS: Final = 5
_MAX_ITEMS_TEXT: Final = 200
_MAX_VALUE: Final = 80
_MAX_CHANGES: Final = 300
"""Maximum length in characters of the list of changes in a message. The JSON output contains every
change."""

WHY_IMMUTABLE: Final = "Registered versions cannot change."


def edited(project: Project, rejection: Rejection, source: Source) -> Problem:
    """Returns an `immutable` problem for a rejection, located at the first changed field."""
    # `rejection.message` is one sentence about the version, followed by `WHY_IMMUTABLE`. Insert the
    # list of changes before `WHY_IMMUTABLE`.
    start = rejection.message.removesuffix(f". {WHY_IMMUTABLE}")
    return _problem(
        "immutable",
        "error",
        project.locate(source, rejection.fields[0].path),
        message=f"{start}: {_changes(rejection.fields)} {WHY_IMMUTABLE}",
        fix=f"Run `{rejection.fix}`, or undo the edit.",
    )


def went_back(project: Project, declaration: Declaration, version: str) -> Problem:
    """Returns a `version-goes-back` problem.

    `version` is the highest version that the commits declare.
    """
    message = (
        f"The highest version of `{declaration.name}` was {version}, and is now "
        f"{declaration.version}."
    )
    return _problem(
        "version-goes-back",
        "warning",
        project.locate(declaration.source, "version"),
        message=message,
        fix=f"Declare a version above {version}, or keep {version}.",
    )


def git_ignored(project: Project, source: Source, field: str) -> Problem:
    """Returns an `ignored-by-git` problem for a file or build context that git ignores.

    Args:
        project: the project.
        source: the environment file.
        field: the field that contains the ignored path. If git ignores the environment file itself,
            the field is an empty string.
    """
    what = f"the path in `{field}`" if field else "this file"
    return _problem(
        "ignored-by-git",
        "warning",
        project.locate(source, field) if field else Position(source.file, 1, 1),
        message=f"Git ignores {what}, so no commit contains it.",
        fix="Remove the path from `.gitignore`, or add the files with `git add --force`.",
    )


def _problem(
    rule: str, severity: Severity, position: Position, *, message: str, fix: str
) -> Problem:
    return Problem(
        rule=rule,
        severity=severity,
        message=printable(message, MAX_MESSAGE),
        file=position.file,
        line=position.line,
        column=position.column,
        fix=printable(fix, MAX_MESSAGE),
    )


def _changes(fields: Sequence[FieldChange]) -> str:
    """Describes the changed fields as a plan does. A long list of fields is shortened."""
    views = field_views(fields)
    parts: list[str] = []
    # Always show the first change, because the user needs to see an example of the edit.
    for field in views:
        part = f"`{field.path}` {_change(field)}"
        if parts and len(", ".join([*parts, part])) > _MAX_CHANGES:
            break
        parts.append(part)
    more = len(views) - len(parts)
    rest = f" and {more} more field{'' if more == 1 else 's'}" if more else ""
    return f"{', '.join(parts)}{rest}."


def _change(field: FieldView) -> str:
    items = [_item(item) for item in field.items if item.sign]
    if not items:
        return field.note or f"{_short(field.before)} → {_short(field.after)}"
    shown = items[:_MAX_ITEMS]
    while len(shown) > 1 and len("; ".join(shown)) > _MAX_ITEMS_TEXT:
        shown.pop()
    more = len(items) - len(shown)
    text = f"{'; '.join(shown)}{f' and {more} more' if more else ''}"
    # Parentheses separate the items of one field from the next field.
    return f"{field.note} ".lstrip() + (f"({text})" if len(items) > 1 or field.note else text)


def _item(item: ItemLine) -> str:
    # Remove the indentation of nested lists, because the items become part of one sentence.
    values = [_short(value.strip()) for value in (item.before, item.after) if value is not None]
    return f"{item.sign} {' → '.join(values)}"


def _short(value: str | None) -> str:
    text = NONE if value is None else value
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
