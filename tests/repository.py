"""Real git repositories for tests, independent of the git settings of the machine."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

ENVIRON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""Environment variables for every run of git in tests."""

UNSET = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "CI",
    "TF_BUILD",
    "JENKINS_URL",
    "CI_DEFAULT_BRANCH",
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
)
"""Environment variables that a git hook or a pipeline may set while it runs the tests."""

_SETTINGS = (
    # git refuses local paths as submodules without this setting (CVE-2022-39253).
    *("-c", "protocol.file.allow=always"),
    # After each commit, git would start a process that finds nothing to pack.
    *("-c", "maintenance.auto=false"),
)


def git(directory: Path, *arguments: str, **environ: str) -> str:
    """Runs git in a directory and returns its output."""
    done = subprocess.run(
        ["git", "-C", str(directory), *_SETTINGS, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, **environ},
    )
    return os.fsdecode(done.stdout).strip()


def new_repository(directory: Path) -> Path:
    """Creates an empty repository whose branch is `main`."""
    # A copy takes less time than `git init`.
    shutil.copytree(_empty(), directory / ".git", dirs_exist_ok=True)
    return directory


@cache
def _empty() -> Path:
    """Returns the directory of git in an empty repository, without the examples of hooks."""
    top = Path(tempfile.mkdtemp(prefix="repository-"))
    atexit.register(shutil.rmtree, top)
    git(top, "init", "--quiet", "--initial-branch=main", **ENVIRON)
    for example in (top / ".git" / "hooks").glob("*.sample"):
        example.unlink()
    return top / ".git"


def commit(directory: Path, message: str = "Change") -> str:
    """Commits everything in the work tree and returns the commit id."""
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", message)
    return _head(directory)


def _head(directory: Path) -> str:
    """Returns the checked-out commit. Reads it without a process if the commit is new."""
    top = directory / ".git"
    if top.is_dir():
        branch = top / (top / "HEAD").read_text().removeprefix("ref: ").strip()
        if branch.is_file():
            return branch.read_text().strip()
    return git(directory, "rev-parse", "HEAD")
