"""The event of a workflow run, read from the variables and the file of GitHub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envsync.action.event import Event, read_event
from envsync.model.errors import EnvsyncError, UsageError


def environ(tmp_path: Path, name: str, payload: Any) -> dict[str, str]:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(payload))
    return {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REPOSITORY": "contoso/models",
        "GITHUB_SHA": "abc",
        "GITHUB_REF_NAME": "main",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_RUN_ID": "12",
    }


def test_a_push_event_contains_the_branch(tmp_path: Path) -> None:
    assert read_event(environ(tmp_path, "push", {"ref": "refs/heads/main"})) == Event(
        name="push",
        repository="contoso/models",
        sha="abc",
        branch="main",
        head="abc",
        run_url="https://github.example/contoso/models/actions/runs/12",
    )


def test_an_event_contains_actor_workflow_and_attempt(tmp_path: Path) -> None:
    variables = {
        **environ(tmp_path, "push", {}),
        "GITHUB_ACTOR": "alice",
        "GITHUB_TRIGGERING_ACTOR": "bob",
        "GITHUB_RUN_ATTEMPT": "3",
        "GITHUB_WORKFLOW_REF": "o/r/.github/workflows/apply models.yml@refs/heads/main",
    }
    event = read_event(variables)

    assert (event.actor, event.attempt, event.workflow) == ("bob", 3, "apply models.yml")


@pytest.mark.parametrize(
    ("origin", "fork"),
    [
        ({"full_name": "Contoso/models"}, False),
        ({"full_name": "octocat/models"}, True),
        (None, True),  # the fork was deleted
    ],
)
def test_an_event_shows_whether_a_pull_request_comes_from_a_fork(
    tmp_path: Path, origin: Any, fork: bool
) -> None:
    pull = {
        "number": 7,
        "base": {"ref": "release"},
        "head": {"sha": "def", "repo": origin},
        "merged": True,
    }
    event = read_event(environ(tmp_path, "pull_request", {"pull_request": pull}))

    assert (event.number, event.branch, event.head, event.merged, event.fork) == (
        7,
        "release",
        "def",
        True,
        fork,
    )


def test_pull_request_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not run on pull_request_target"):
        read_event(environ(tmp_path, "pull_request_target", {}))


def test_the_error_outside_of_a_workflow_contains_the_missing_variable() -> None:
    with pytest.raises(
        EnvsyncError, match=r"GITHUB_EVENT_NAME is not set\. .* a step of a GitHub workflow"
    ):
        read_event({})


def test_the_error_for_an_unreadable_event_file_contains_the_path(tmp_path: Path) -> None:
    variables = environ(tmp_path, "push", {})
    (tmp_path / "event.json").write_text("{")

    with pytest.raises(EnvsyncError, match=r"The event file .*event\.json cannot be read"):
        read_event(variables)
