"""Running git: through GitPython, without side effects, and with failures in clear words."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Final

from envsync.model.errors import GitError

# No hook runs and no daemon starts because envsync looks at something. A directory that is laid out
# like a repository may come with a pull request, and its settings name programs that git runs.
_SETTINGS: Final = tuple(
    part
    for setting in (
        *(f"core.{name}" for name in (f"hooksPath={os.devnull}", "fsmonitor=false")),
        "core.splitIndex=false",
        "safe.bareRepository=explicit",
    )
    for part in ("-c", setting)
)
_ENVIRON: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    **dict.fromkeys((f"GIT_{name}_PATHSPECS" for name in ("GLOB", "NOGLOB", "ICASE")), "0"),
    "GIT_TERMINAL_PROMPT": "0",
}


def git_python() -> ModuleType:
    """GitPython, which looks for git when it is imported.

    Raises:
        GitError: git is not there.
    """
    try:
        import git
    except ImportError as error:
        raise GitError(
            "Git cannot be run. Install it, and see that `git --version` works here."
        ) from error
    return git


def run_git(
    directory: Path,
    arguments: tuple[str, ...],
    environ: Mapping[str, str],
    data: bytes = b"",
) -> tuple[int, bytes, str]:
    """Runs a git command.

    Args:
        directory: where to run it.
        arguments: the command and its options.
        environ: variables beside those of the process.
        data: its standard input.

    Returns:
        Its exit status, standard output and standard error, the last in English.

    Raises:
        GitError: git is not there.
    """
    git = git_python()
    command = [git.Git.GIT_PYTHON_GIT_EXECUTABLE, "-C", str(directory), *_SETTINGS, *arguments]
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


def explain(message: str, directory: Path) -> GitError:
    """What git said on standard error, as one sentence with what to do."""
    if "not a git repository" in message:
        return GitError(
            f"{directory} is in no git repository, so there is no commit to compare with."
        )
    if "dubious ownership" in message:
        return GitError(
            f"Git does not trust the repository of {directory}, because it belongs to somebody "
            f"else. Run `git config --global --add safe.directory {directory}` if you trust it."
        )
    if "must be run in a work tree" in message or "cannot use bare repository" in message:
        return GitError(
            f"{directory} is in a git repository without a work tree. Run envsync in a clone."
        )
    if "from promisor remote" in message:
        return GitError(
            "This clone was made without old content (`--filter`), and git cannot fetch what it "
            "needs of it. Connect to its remote, or make a clone without `--filter`."
        )
    if re.search("(external|clean|smudge) filter|filter-process|packet write", message):
        return GitError(
            "Git cannot run a filter that .gitattributes names: "
            f"{re.sub('^(error|fatal): ', '', message.splitlines()[0])}. "
            "Install what it runs, such as Git LFS."
        )
    lines = [line for line in message.splitlines() if line.startswith(("fatal: ", "error: "))]
    reason = (lines or message.splitlines() or ["it gave no reason"])[0].partition(": ")
    return GitError(f"Git failed: {(reason[2] or reason[0]).rstrip('.')}.")
