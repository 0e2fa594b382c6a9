"""`Event`: the event that started a workflow.

GitHub describes the event in environment variables and in a JSON file:

https://docs.github.com/actions/reference/workflows-and-actions/variables
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.errors import EnvsyncError, UsageError


class Event(Struct, frozen=True):
    """One event of a repository.

    Attributes:
        name: the type of the event, such as `pull_request` or `push`.
        repository: `owner/name`.
        sha: the commit that the workflow runs on. For a pull request, this is a temporary merge
            commit.
        branch: the branch without `refs/heads/`. For a pull request, this is the base branch.
        number: the number of the pull request; None for other events.
        merged: whether the pull request is merged.
        fork: whether the pull request comes from another repository.
        head: the newest commit of the pull request's branch. For other events, this is `sha`.
        base: for a pull request, the newest commit of its base branch when the event happened.
        run_url: the URL of this workflow run.
        attempt: 1 for the first attempt of this run; higher if the run or a job was run again.
        actor: the login of the account that started this attempt.
        workflow: the file name of the workflow, such as `envsync-apply.yml`.
    """

    name: str
    repository: str
    sha: str
    branch: str
    number: int | None = None
    merged: bool = False
    fork: bool = False
    head: str = ""
    base: str = ""
    run_url: str = ""
    attempt: int = 1
    actor: str = ""
    workflow: str = "envsync-apply.yml"


def read_event(environ: Mapping[str, str]) -> Event:
    """Reads the event of this run.

    Raises:
        UsageError: the event is `pull_request_target`.
        EnvsyncError: a variable that GitHub sets for every step is missing.
    """
    name = _variable(environ, "GITHUB_EVENT_NAME")
    if name == "pull_request_target":
        # A workflow for this event gets the secrets of the base repository. An `envsync.yaml` from
        # a fork could refer to any environment variable and publish the value.
        raise UsageError(
            "The action does not run on pull_request_target, because this event gives the secrets "
            "of the repository to the files of every pull request. Use pull_request."
        )
    repository = _variable(environ, "GITHUB_REPOSITORY")
    sha = _variable(environ, "GITHUB_SHA")
    run = environ.get("GITHUB_RUN_ID", "")
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "")
    event = Event(
        name=name,
        repository=repository,
        sha=sha,
        branch=environ.get("GITHUB_REF_NAME", ""),
        head=sha,
        run_url=f"{environ.get('GITHUB_SERVER_URL', '')}/{repository}/actions/runs/{run}",
        attempt=int(attempt) if attempt.isdecimal() else 1,
        actor=environ.get("GITHUB_TRIGGERING_ACTOR") or environ.get("GITHUB_ACTOR", ""),
        workflow=_workflow(environ),
    )
    pull = _payload(environ).get("pull_request")
    if not isinstance(pull, dict):
        return event
    head, base = pull.get("head") or {}, pull.get("base") or {}
    # If the fork was deleted, `repo` is null. The empty name makes `fork` True in this case.
    origin = (head.get("repo") or {}).get("full_name", "")
    return replace(
        event,
        branch=str(base.get("ref", "")),
        number=int(pull["number"]),
        merged=bool(pull.get("merged")),
        # Names of owners and repositories are case-insensitive.
        fork=origin.casefold() != repository.casefold(),
        head=str(head.get("sha") or sha),
        base=str(base.get("sha", "")),
    )


def _workflow(environ: Mapping[str, str]) -> str:
    # `owner/name/.github/workflows/envsync-apply.yml@refs/heads/main`
    path = environ.get("GITHUB_WORKFLOW_REF", "").partition("@")[0]
    return path.rpartition("/")[2] or "envsync-apply.yml"


def _variable(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise EnvsyncError(
            f"The environment variable {name} is not set. `python -m envsync.action` runs only as "
            "a step of a GitHub workflow. Run `envsync` instead."
        )
    return environ[name]


def _payload(environ: Mapping[str, str]) -> dict[str, Any]:
    path = _variable(environ, "GITHUB_EVENT_PATH")
    try:
        data = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EnvsyncError(f"The event file {path} cannot be read: {error}.") from error
    return data if isinstance(data, dict) else {}
