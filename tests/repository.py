"""Real git repositories for tests, whatever the machine's own settings of git are."""

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
"""What every run of git gets here."""

UNSET = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"),
    *("GITHUB_BASE_REF", "SYSTEM_PULLREQUEST_TARGETBRANCH"),
)
"""What a hook or a pipeline that runs the tests may have set."""


def git(directory: Path, *arguments: str, **environ: str) -> str:
    """Runs git in a directory; what it prints."""
    done = subprocess.run(
        ["git", "-C", str(directory), "-c", "protocol.file.allow=always", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, **environ},
    )
    return os.fsdecode(done.stdout).strip()


def new_repository(directory: Path) -> Path:
    """An empty repository whose branch is `main`."""
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "--quiet", "--initial-branch=main")
    return directory


def commit(directory: Path, message: str = "Change") -> str:
    """Commits everything in the work tree; the commit's id."""
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(directory, "rev-parse", "HEAD")
