"""Real git repositories for tests, independent of the git settings of the machine."""

from __future__ import annotations

import os
import subprocess
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
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "--quiet", "--initial-branch=main")
    return directory


def commit(directory: Path, message: str = "Change") -> str:
    """Commits everything in the work tree and returns the commit id."""
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(directory, "rev-parse", "HEAD")
