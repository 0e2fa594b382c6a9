"""The errors that envsync expects, each with its exit code.

    EnvsyncError            exit code 1
      UsageError            64
      InvalidProject
      GitError
        NoRepository
      TargetError
        Conflict
        ContextUnavailable
      PlanRefused
      Interrupted           130

Only the command line turns an error into a message and an exit code. Every other exception is a
bug in envsync.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from envsync.model.problem import Problem


class EnvsyncError(Exception):
    """An error that the user can fix. The message says what failed, why, and what to do.

    The message can quote a library or a service, so credentials such as signatures are hidden in
    it. The message is the same in the Python API and in the outcomes of an apply.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, *args: object) -> None:
        # Imported here, because `--version` and `--help` have no credentials to hide.
        from envsync.model.masking import masked

        super().__init__(*(masked(arg) if isinstance(arg, str) else arg for arg in args))


class UsageError(EnvsyncError):
    """The command line is wrong, for example because it names an unknown target."""

    # EX_USAGE of sysexits.h. Most programs use 2, but `plan --detailed-exitcode` uses 2 for a plan
    # with changes.
    exit_code = 64


class InvalidProject(EnvsyncError):
    """`envsync.yaml` or environment files have errors.

    Attributes:
        problems: every problem, warnings included, in the order of files and lines.
        root: the project directory, to which the paths of the problems are relative. None if the
            problems belong to no project.
    """

    def __init__(self, problems: Sequence[Problem], root: Path | None = None) -> None:
        self.problems = tuple(problems)
        self.root = root
        errors = [problem for problem in self.problems if problem.severity == "error"]
        super().__init__("\n".join(str(problem) for problem in errors))


class GitError(EnvsyncError):
    """Git failed, for example because there is no repository, or the clone is too shallow."""


class NoRepository(GitError):
    """A directory is not in a git repository, so no commit contains its files."""


class TargetError(EnvsyncError):
    """A target cannot be read, or has not completed an operation."""


class PossiblyActive(TargetError):
    """An environment is restored, but one of its archived versions is possibly active now."""

    def __init__(self, name: str, version: str, reason: EnvsyncError) -> None:
        super().__init__(
            f"The environment {name} is restored, but it is unknown whether its version {version} "
            f"is still archived: {reason} Run apply again."
        )


class Conflict(TargetError):
    """Nothing was written, because the target has changed since the plan was made."""


class ContextUnavailable(TargetError):
    """The target cannot return the content of a build context. A later attempt would fail as well.

    The message is the reason, as the end of a sentence such as "The files were not downloaded, …".
    """


class PlanRefused(EnvsyncError):
    """A plan was not applied, because a check before the first change failed.

    Attributes:
        code: the reason, as a stable identifier: `rejections`, `mass-archive`, `plan-stale`,
            `read-back` or `not-approved`.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Interrupted(EnvsyncError):
    """The user stopped the run. Operations that were running were completed and reported."""

    # 128 + SIGINT (2): shells report this exit code for a process that Ctrl-C ended.
    exit_code = 130
