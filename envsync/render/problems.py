"""Renders problems in files as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from envsync.model.problem import Problem
from envsync.model.wording import printable
from envsync.render.paint import Paint

_STYLES = {"error": "bold red", "warning": "yellow"}


def problems_text(problems: Iterable[Problem], paint: Paint) -> str:
    """Returns one line for each problem.

    Like the output of compilers, each line begins with `file:line:column:`. Editors and terminals
    turn this prefix into a link.
    """
    return "".join(
        f"{paint('bold', f'{printable(item.file)}:{item.line}:{item.column}:')} "
        f"{paint(_STYLES[item.severity], f'{item.severity}[{item.rule}]')} "
        f"{printable(item.message)}{' ' if item.fix else ''}{paint('cyan', printable(item.fix))}\n"
        for item in problems
    )


def problems_summary(problems: Iterable[Problem], files: int, paint: Paint) -> str:
    """Returns the number of files that were read and the number of problems, as one line."""
    counts = Counter(item.severity for item in problems)
    # The number of files helps to notice a wrong directory in `environments` in envsync.yaml.
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
