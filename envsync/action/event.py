"""`Event`: what a workflow runs for, from the variables and the file that GitHub gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envsync.model.errors import EnvsyncError, UsageError


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one repository.

    Attributes:
        name: such as `pull_request` or `push`.
        repository: `owner/name`.
        sha: the commit that the workflow runs on.
        branch: what a branch is called, without `refs/heads/`; of a pull request, its base.
        number: the pull request's; None where the event is not about one.
        merged: whether this is the event of a pull request's merge.
        fork: whether a pull request comes from another repository.
        head: newest commit of a pull request's branch, else `sha`.
        run_url: where a reader finds the log of this run.
    """

    name: str
    repository: str
    sha: str
    branch: str
    number: int | None = None
    merged: bool = False
    fork: bool = False
    head: str = ""
    run_url: str = ""


def read_event(environ: Mapping[str, str]) -> Event:
    """The event of this run.

    Raises:
        UsageError: the event hands secrets to the files of strangers.
        EnvsyncError: what GitHub promises to every step is missing.
    """
    name = _variable(environ, "GITHUB_EVENT_NAME")
    if name == "pull_request_target":
        raise UsageError(
            "The action does not run on pull_request_target: it would give files that anybody can "
            "propose the secrets of this repository. Use pull_request."
        )
    repository = _variable(environ, "GITHUB_REPOSITORY")
    sha = _variable(environ, "GITHUB_SHA")
    run = environ.get("GITHUB_RUN_ID", "")
    run_url = f"{environ.get('GITHUB_SERVER_URL', '')}/{repository}/actions/runs/{run}"
    pull = _payload(environ).get("pull_request")
    if not isinstance(pull, dict):
        branch = environ.get("GITHUB_REF_NAME", "")
        return Event(name, repository, sha, branch, head=sha, run_url=run_url)
    head = pull.get("head") or {}
    origin = (head.get("repo") or {}).get("full_name", "")
    return Event(
        name=name,
        repository=repository,
        sha=sha,
        branch=str((pull.get("base") or {}).get("ref", "")),
        number=int(pull["number"]),
        merged=bool(pull.get("merged")),
        fork=origin.casefold() != repository.casefold(),
        head=str(head.get("sha") or sha),
        run_url=run_url,
    )


def _variable(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise EnvsyncError(f"{name} is not set: this program runs as a step of a GitHub workflow.")
    return environ[name]


def _payload(environ: Mapping[str, str]) -> dict[str, Any]:
    path = _variable(environ, "GITHUB_EVENT_PATH")
    try:
        data = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EnvsyncError(f"{path}, the event of this run, cannot be read: {error}.") from error
    return data if isinstance(data, dict) else {}
