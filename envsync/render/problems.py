"""Findings of the rules as text and as JSON data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from envsync.model.canonical import JSON
from envsync.model.problem import Problem
from envsync.plan.change import FieldChange
from envsync.render.paint import Paint, safe

NO_FIELDS: Final[Mapping[Problem, Sequence[FieldChange]]] = MappingProxyType({})
"""Of problems none of which is about an edit."""

_STYLES = {"error": "bold red", "warning": "yellow"}


def problems_text(problems: Iterable[Problem], paint: Paint) -> str:
    """One line for each problem, in the form that editors and terminals make links of."""
    return "".join(
        f"{paint('bold', f'{safe(item.file)}:{item.line}:{item.column}:')} "
        f"{paint(_STYLES[item.severity], f'{item.severity}[{item.rule}]')} "
        f"{safe(item.message)}{' ' if item.fix else ''}{paint('cyan', safe(item.fix))}\n"
        for item in problems
    )


def problems_summary(problems: Iterable[Problem], files: int, paint: Paint) -> str:
    """How many files were looked at and what came up, in one line."""
    counts = Counter(item.severity for item in problems)
    looked_at = f"{files} environment file{'' if files == 1 else 's'}"
    if not counts:
        return f"{paint('bold green', 'Valid.')} {looked_at}, no problems."
    found = [
        paint(
            _STYLES[severity],
            f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}",
        )
        for severity in ("error", "warning")
        if counts[severity]
    ]
    return f"{looked_at}: {', '.join(found)}."


def problems_json(
    problems: Sequence[Problem],
    files: int,
    environments: int,
    fields: Mapping[Problem, Sequence[FieldChange]] = NO_FIELDS,
) -> JSON:
    """The shape of `validate --format json`.

    Args:
        problems: in the order in which they are shown.
        files: how many environment files were looked at.
        environments: how many environments they declare.
        fields: what differs, for problems that are about an edit.
    """
    return {
        "format_version": 1,
        "files": files,
        "environments": environments,
        "problems": [_problem_json(item, fields.get(item)) for item in problems],
    }


def _problem_json(item: Problem, fields: Sequence[FieldChange] | None) -> dict[str, JSON]:
    data: dict[str, JSON] = {
        "rule": item.rule,
        "severity": item.severity,
        "message": item.message,
        "file": item.file,
        "line": item.line,
        "column": item.column,
        "fix": item.fix,
    }
    if fields is not None:
        data["fields"] = [field.to_json() for field in fields]
    return data
