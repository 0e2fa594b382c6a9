"""`lock` and `update` in the action: one branch and one pull request, kept up to date."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.action.forge import READ_ONLY, REPOSITORY, Forge
from tests.action.step import Step
from tests.cli.test_lock import no_logins
from tests.images.registries import Served, free_port, needs_registry, served_registry

__all__ = ["no_logins"]

pytestmark = needs_registry


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_registry(tmp_path_factory.mktemp("registry")) as found:
        found.push("base", "20240101.v1")
        yield found


@pytest.fixture
def job(step: Step, forge: Forge, images: Served) -> Step:
    """A step for a schedule, in a repository that declares one environment."""
    step.trigger("schedule")
    step.variables["INPUT_COMMENT"] = "false"
    step.declare("pydata", f"{images.host}/base:20240101.v1")
    git(step.workspace, "init", "--quiet")
    commit(step, forge)
    return step


def git(directory: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    command = ["git", *who, *arguments]
    return subprocess.run(
        command, cwd=directory, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(step: Step, forge: Forge) -> str:
    """Commits the work tree to `main`, here and on GitHub."""
    git(step.workspace, "add", "--all")
    git(step.workspace, "commit", "--quiet", "--allow-empty", "--message", "As declared")
    sha = git(step.workspace, "rev-parse", "HEAD")
    forge.push("main", sha, "As declared")
    return sha


def clean(step: Step) -> None:
    """Checks out the work tree again, as the next run does."""
    git(step.workspace, "reset", "--quiet", "--hard")


def outputs(step: Step) -> str:
    return Path(step.variables["GITHUB_OUTPUT"]).read_text()


def test_lock_opens_a_pull_request_and_keeps_it_up_to_date(
    job: Step, forge: Forge, images: Served
) -> None:
    parent = forge.branches["main"]
    assert job.run("lock") == 0
    digest = images.push("base", "20240101.v1")
    (pull,) = forge.proposed.values()

    assert (pull["head"], pull["base"]) == ("envsync/lock", "main")
    assert pull["title"] == "Lock the images of Azure ML environments"
    assert f"| `20240101.v1` | `20240101.v1`<br>`{digest[:19]}` |" in pull["body"]
    assert "GitHub starts no workflows for pull requests that were made with" in pull["body"]
    assert "<sub>`envsync lock` · commit " in pull["body"]
    content = forge.content("envsync/lock")
    assert list(content) == ["environments/pydata.yml"]
    assert f"base:20240101.v1@{digest}\n" in content["environments/pydata.yml"]
    assert 'version: "2"' in content["environments/pydata.yml"]
    head = forge.branches["envsync/lock"]
    assert forge.objects[head]["parents"] == [parent]
    assert f"{forge.url}/{REPOSITORY}/pull/100" in outputs(job)

    # A second run on the same commit changes nothing on the branch.
    clean(job)
    assert job.run("lock") == 0
    assert (forge.branches["envsync/lock"], len(forge.proposed)) == (head, 1)

    # A new commit on main, and another image: the branch starts at the new commit.
    clean(job)
    job.declare("sklearn", f"{images.host}/base:20240101.v1")
    parent = commit(job, forge)
    assert job.run("lock") == 0
    assert len(forge.proposed) == 1
    assert forge.objects[forge.branches["envsync/lock"]]["parents"] == [parent]
    assert "sklearn.yml" in forge.proposed[100]["body"]


def test_a_pull_request_without_changes_is_closed(job: Step, forge: Forge) -> None:
    assert job.run("lock") == 0
    commit(job, forge)
    assert job.run("lock") == 0

    assert forge.proposed[100]["state"] == "closed"
    assert "No file changed by envsync lock." in outputs(job)


def test_update_uses_its_own_branch(job: Step, forge: Forge, images: Served) -> None:
    newer = Served(images.host).push("base", "20250601.v2")
    assert job.run("update") == 0

    assert forge.proposed[100]["title"] == "Update the images of Azure ML environments"
    assert f"20250601.v2@{newer}" in forge.content("envsync/update")["environments/pydata.yml"]
    assert "517 days newer" in forge.proposed[100]["body"]


def test_each_project_has_its_own_branch(job: Step, forge: Forge) -> None:
    models = job.workspace / "ml" / "models"
    models.mkdir(parents=True)
    (job.workspace / "environments").rename(models / "environments")
    commit(job, forge)

    assert job.run("lock", working_directory="./ml/models") == 0
    assert forge.proposed[100]["head"] == "envsync/lock-ml__models"
    assert forge.proposed[100]["title"].endswith(" in ml/models")
    assert list(forge.content("envsync/lock-ml__models")) == ["ml/models/environments/pydata.yml"]


def test_commits_of_other_authors_are_not_overwritten(job: Step, forge: Forge) -> None:
    assert job.run("lock") == 0
    forge.push("envsync/lock", "a" * 40, "Repair the tests")
    clean(job)

    assert job.run("lock") == 1
    assert "envsync/lock has commits that envsync did not make" in job.output
    assert forge.branches["envsync/lock"] == "a" * 40

    # After the pull request was closed, the branch is free.
    forge.proposed[100]["state"] = "closed"
    clean(job)
    assert job.run("lock") == 0
    assert forge.branches["envsync/lock"] != "a" * 40
    assert len(forge.proposed) == 2


def test_a_pull_request_made_with_a_personal_token_has_no_note_about_checks(
    job: Step, forge: Forge
) -> None:
    forge.tokens["ghp_of-octocat"] = ("octocat", True)

    assert job.run("lock", token="ghp_of-octocat") == 0
    assert "GITHUB_TOKEN" not in forge.proposed[100]["body"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"token": READ_ONLY}, "The job needs the permission `contents: write`."),
        ({"token": ""}, "needs a `token` that can write a branch"),
    ],
)
def test_the_error_names_the_missing_permission(
    job: Step, inputs: dict[str, str], message: str
) -> None:
    assert job.run("lock", **inputs) != 0
    assert message in job.output


def test_the_error_names_the_setting_that_forbids_pull_requests(job: Step, forge: Forge) -> None:
    forge.forbids_pulls = True

    assert job.run("lock") == 1
    assert "allow GitHub Actions to create pull requests" in job.output


def test_lock_is_refused_in_a_job_for_a_pull_request(step: Step) -> None:
    step.variables["INPUT_COMMENT"] = "false"

    assert step.run("lock") == 64
    assert "cannot run for a pull request" in step.output


def test_a_work_tree_with_uncommitted_changes_is_refused(job: Step) -> None:
    job.declare("pydata", "x:2")

    assert job.run("lock") == 1
    assert "The work tree has changes before `lock` runs" in job.output


def test_a_failed_command_opens_no_pull_request(job: Step, forge: Forge) -> None:
    assert job.run("lock", args="none") == 1
    assert forge.proposed == {}
    assert "No declared or owned environment matches" in job.output


def test_lock_fails_for_a_missing_image_and_proposes_digests_for_the_other_images(
    job: Step, forge: Forge, images: Served
) -> None:
    job.declare("gone", f"{images.host}/base:none")
    job.declare("offline", f"127.0.0.1:{free_port()}/base:1")
    commit(job, forge)

    assert job.run("lock") == 1
    assert list(forge.content("envsync/lock")) == ["environments/pydata.yml"]
    assert "cannot be reached" in forge.proposed[100]["body"]
