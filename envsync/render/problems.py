"""Findings of the rules as text and as JSON data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from envsync.canonical import JSON
from envsync.problem import Problem
from envsync.render.paint import Paint, safe

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


def problems_json(problems: Sequence[Problem], files: int, environments: int) -> JSON:
    """The shape of `validate --format json`."""
    return {
        "format_version": 1,
        "files": files,
        "environments": environments,
        "problems": [
            {
                "rule": item.rule,
                "severity": item.severity,
                "message": item.message,
                "file": item.file,
                "line": item.line,
                "column": item.column,
                "fix": item.fix,
            }
            for item in problems
        ],
    }
