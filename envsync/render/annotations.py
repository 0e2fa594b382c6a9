"""Renders problems and rejections as workflow commands, which GitHub shows as annotations.

A workflow command is a line of output such as `::error file=…,line=…::message`. The runner defines
the escapes: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from envsync.model.wording import printable
from envsync.render.plan_view import latest_view

if TYPE_CHECKING:
    from envsync.model.problem import Problem
    from envsync.plan.change import LatestChange
    from envsync.plan.plan import Plan


def problems_github(problems: Iterable[Problem], prefix: str = "") -> str:
    """Returns one annotation for each problem, with the rule as its title.

    Args:
        problems: the problems, in the order in which they are shown. GitHub shows only the first
            ten errors and the first ten warnings of a step.
        prefix: the project directory, relative to the root of the repository.
    """
    return "".join(
        _command(
            item.severity,
            {
                "file": below(prefix, item.file),
                "line": str(item.line),
                "col": str(item.column),
                "title": item.rule,
            },
            f"{item.message} {item.fix}".rstrip(),
        )
        for item in problems
    )


def plan_github(plan: Plan, prefix: str = "") -> str:
    """Returns one annotation for each rejection of a plan.

    The title contains the code of the rejection and the name of the target.

    Args:
        plan: the plan with the rejections.
        prefix: the project directory, relative to the root of the repository.
    """
    return "".join(
        _command(
            "error",
            {
                **(
                    {"file": below(prefix, item.source.file), "line": str(item.source.line)}
                    if item.source
                    else {}
                ),
                "title": f"{item.code} in {plan.target.name}",
            },
            f"{item.message} Fix: {item.fix}",
        )
        for item in plan.rejections
    )


def latest_github(latest: Iterable[LatestChange], prefix: str = "") -> str:
    """Returns one notice for each use of `NAME@latest` if another version becomes the latest.

    Args:
        latest: the changes of `@latest`.
        prefix: the project directory, relative to the root of the repository.
    """
    return "".join(
        _command(
            "notice",
            {
                "file": below(prefix, use.file),
                "line": str(use.line),
                "title": "moving-latest",
            },
            f"{item.name}@latest moves: {latest_view(item).versions}.",
        )
        for item in latest
        for use in item.uses
    )


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    joined = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {joined}::{_data(message)}\n"


def _data(text: str) -> str:
    # A line break in a message could start another command. `printable` escapes line breaks, so the
    # runner's escapes for line breaks (%0D, %0A) are not needed.
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    # A comma ends a property, and `::` ends the list of properties.
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def below(prefix: str, file: str) -> str:
    """Returns the path of a project file, relative to the root of the repository.

    Args:
        prefix: the project directory, relative to the root of the repository; empty if it is the
            root.
        file: the path relative to the project directory. An absolute path stays absolute.
    """
    return posixpath.normpath(posixpath.join(prefix, file))
