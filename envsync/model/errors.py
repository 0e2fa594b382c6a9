"""Everything that envsync expects to go wrong, each kind with its exit code.

The command line turns these into one clear message and an exit code; nothing else does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envsync.model.problem import Problem


class EnvsyncError(Exception):
    """Something is wrong that the user can put right. The message says what and how."""

    exit_code: ClassVar[int] = 1


class UsageError(EnvsyncError):
    """The command was called wrongly: an unknown target, a bad combination of options."""

    exit_code = 64


class InvalidProject(EnvsyncError):
    """`envsync.yaml` or environment files have errors.

    Attributes:
        problems: every problem found, warnings included, in file order.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        errors = [problem for problem in self.problems if problem.severity == "error"]
        super().__init__("\n".join(str(problem) for problem in errors))


class GitError(EnvsyncError):
    """Git cannot tell what was asked: no repository, no such commit, a too shallow clone."""


class TargetError(EnvsyncError):
    """A target could not be read, or refused or failed one operation."""


class PlanRefused(EnvsyncError):
    """A plan may not be applied as it is.

    Attributes:
        code: stable identifier of the reason: `rejections`, `mass-archive`, `plan-stale`,
            `read-back`, `not-approved`.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Interrupted(EnvsyncError):
    """The user stopped the run; what was in flight has been finished and reported."""

    exit_code = 130
