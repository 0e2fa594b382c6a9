"""Problems and rejections as GitHub workflow commands, which become annotations on lines of files.

The runner reads a command from a line of output: `::error file=…,line=…::message`. The escapes are
its own: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from envsync.model.wording import printable

if TYPE_CHECKING:
    from envsync.model.problem import Problem
    from envsync.plan.plan import Plan


def problems_github(problems: Iterable[Problem], prefix: str = "") -> str:
    """One annotation for each problem, titled with its rule.

    Args:
        problems: in the order in which they are shown; GitHub shows the first ten errors and the
            first ten warnings of a step.
        prefix: the project directory, relative to the repository's root.
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
    """One annotation for each rejection of a plan, titled with its code and the target.

    Args:
        plan: whose rejections are shown.
        prefix: the project directory, relative to the repository's root.
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


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {told}::{_data(message)}\n"


def _data(text: str) -> str:
    # Line ends would be `%0D` and `%0A`, but are spelt out like every control character.
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def below(prefix: str, file: str) -> str:
    """A file of the project, relative to the repository's root; an absolute path stays as it is.

    Args:
        prefix: the project directory, relative to that root; empty where it is the root.
        file: relative to the project directory.
    """
    return posixpath.normpath(posixpath.join(prefix, file))
