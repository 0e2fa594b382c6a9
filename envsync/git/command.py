"""Runs git through GitPython, without side effects, and explains its errors."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Final

from envsync.model.errors import GitError, NoRepository

# A command that only reads must not run a hook or start the fsmonitor daemon. A pull request can
# add a directory with the layout of a bare repository, whose settings can make git run a program.
# `safe.bareRepository` makes git refuse such a directory: https://git-scm.com/docs/git-config
_SETTINGS: Final = tuple(
    part
    for setting in (
        f"core.hooksPath={os.devnull}",
        "core.fsmonitor=false",
        # With a split index, git would write a `sharedindex` file to the git directory, even for
        # the temporary indexes of envsync.
        "core.splitIndex=false",
        "safe.bareRepository=explicit",
    )
    for part in ("-c", setting)
)
_ENVIRON: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    # Paths are literal, because a file name can be `[a]*`. The other three variables must be 0,
    # because git does not accept any of them together with `GIT_LITERAL_PATHSPECS`.
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_NOGLOB_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "0",
    # A fetch that needs a password must fail instead of waiting for input.
    "GIT_TERMINAL_PROMPT": "0",
}


class NoGit(GitError):
    """Git is not installed."""


def git_python() -> ModuleType:
    """Imports GitPython. The import fails if there is no git executable.

    Raises:
        NoGit: git is not installed.
    """
    try:
        import git
    except ImportError as error:
        raise NoGit(
            "Git cannot be run. Install git, and check that `git --version` works."
        ) from error
    return git


def run_git(
    directory: Path,
    arguments: tuple[str, ...],
    *,
    environ: Mapping[str, str],
    data: bytes = b"",
) -> tuple[int, bytes, str]:
    """Runs a git command.

    Args:
        directory: the working directory of the command.
        arguments: the command and its options.
        environ: more environment variables for the command.
        data: the standard input.

    Returns:
        The exit status, the standard output and the standard error. GitPython sets the language
        of the messages to English.

    Raises:
        NoGit: git is not installed.
    """
    # Imported here, because most plans run no git command, and the import is slow.
    import tempfile

    git = git_python()
    command = [git.Git.GIT_PYTHON_GIT_EXECUTABLE, "-C", str(directory), *_SETTINGS, *arguments]
    # GitPython passes `istream` to `Popen` as standard input, which needs a real file.
    with tempfile.TemporaryFile() if data else nullcontext() as stream:
        if stream is not None:
            stream.write(data)
            stream.seek(0)
        status, out, message = git.Git().execute(
            command,
            istream=stream,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            env={**_ENVIRON, **environ},
        )
    return int(status), bytes(out), str(message)


def no_repository(directory: Path) -> NoRepository:
    """Returns the error for a directory that is not in a git repository."""
    return NoRepository(
        f"{directory} is not in a git repository, so there is no commit to compare with. Run "
        "envsync in a clone."
    )


def explain(message: str, directory: Path) -> GitError:
    """Converts the error output of git to an error, with a next step for the user."""
    if "not a git repository" in message:
        return no_repository(directory)
    if "dubious ownership" in message:
        # Git compares `safe.directory` with the top of the repository, so the setting for a
        # directory below the top would have no effect.
        named = re.search("repository at '(.*)'", message)
        top = shlex.quote(named[1] if named else str(directory))
        return GitError(
            f"Git does not trust the repository of {directory}, because another user owns it. If "
            f"you trust it, run `git config --global --add safe.directory {top}`."
        )
    if "must be run in a work tree" in message or "cannot use bare repository" in message:
        return GitError(
            f"{directory} is in a git repository without a work tree. Run envsync in a clone."
        )
    if "from promisor remote" in message:
        return GitError(
            "This is a partial clone (`--filter`), and git cannot fetch the content that it needs. "
            "Check the connection to the remote, or clone the repository without `--filter`."
        )
    if re.search("(external|clean|smudge) filter|filter-process|packet write", message):
        return GitError(
            "Git cannot run a filter of .gitattributes: "
            f"{re.sub('^(error|fatal): ', '', message.splitlines()[0])}. "
            "Install the program of the filter, such as Git LFS."
        )
    lines = [line for line in message.splitlines() if line.startswith(("fatal: ", "error: "))]
    reason = (lines or message.splitlines() or ["git gave no reason"])[0].partition(": ")
    return GitError(f"Git failed: {(reason[2] or reason[0]).rstrip('.')}.")
