"""The requests of whole commands, counted in the log of an emulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

from tests.command import envsync
from tests.project.project import write
from tests.repository import commit, new_repository
from tests.targets.azure.contract import one_creator
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import Azure, asked, put

SETTINGS = """\
project: churn
superseded: archive
targets:
  dev: {kind: workspace, subscription_id: '${AZURE_SUBSCRIPTION_ID}', resource_group: ml,
        workspace: ws-0}
"""
DECLARED = ("a", "b", "c", "d", "e")


def environment(name: str, version: str = "1", description: str = "d") -> dict[str, str]:
    """Returns an environment file, by its path."""
    text = f"name: {name}\nversion: '{version}'\nimage: contoso.io/base:1\n"
    return {f"environments/{name}-{version}.yml": f"{text}description: {description}\n"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    # Each list has one page.
    directory = tmp_path_factory.mktemp("azure")
    with (
        in_process(directory, registries=0, page_size=1000) as service,
        service.reached(),
        one_creator(),
    ):
        yield service


@pytest.fixture(scope="module")
def project(service: Azure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied to a workspace with thirty environments of others."""
    directory = write(tmp_path_factory.mktemp("churn"), {"envsync.yaml": SETTINGS})
    for name in DECLARED:
        write(directory, environment(name))
    with service.target("workspace") as target:
        for number in range(30):
            put(target, f"foreign-{number}", tags={"envsync.owner": "other"})
    done = envsync("apply", "--yes", cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory


def requests(service: Azure, project: Path, *arguments: str) -> Counter[str]:
    """Runs a command. Returns its requests."""
    before = len(service.requests())
    done = envsync(*arguments, cwd=project)
    assert done.returncode == 0, done.stderr
    return asked(service, before)


def written(service: Azure, project: Path) -> Counter[str]:
    """Applies the files. Returns the requests besides those of the plan and the lists."""
    planned = requests(service, project, "plan")
    found = requests(service, project, "apply", "--yes", "--no-verify")
    del planned["GET containers"], found["GET containers"]
    return found - planned


def test_a_plan_reads_two_lists_and_each_environment_of_the_project(
    service: Azure, project: Path
) -> None:
    found = requests(service, project, "plan")

    assert found == {"GET containers": 2, "GET versions": len(DECLARED)}


def test_a_plan_since_a_commit_reads_two_lists_and_each_changed_environment(
    service: Azure, project: Path, tmp_path: Path
) -> None:
    clone = new_repository(tmp_path / "clone")
    copytree(project, clone, dirs_exist_ok=True)
    first = commit(clone)
    write(clone, {**environment("a", description="new"), **environment("b", description="new")})
    commit(clone)

    found = requests(service, clone, "plan", "--since", first)

    assert found == {"GET containers": 2, "GET versions": 2}


def test_a_plan_since_a_commit_without_changes_sends_no_request(
    service: Azure, project: Path, tmp_path: Path
) -> None:
    clone = new_repository(tmp_path / "clone")
    copytree(project, clone, dirs_exist_ok=True)
    commit(clone)

    assert requests(service, clone, "plan", "--since", "HEAD") == {}


def test_a_plan_since_a_commit_also_reads_the_whole_project_if_it_archives(
    service: Azure, project: Path, tmp_path: Path
) -> None:
    clone = new_repository(tmp_path / "clone")
    copytree(project, clone, dirs_exist_ok=True)
    first = commit(clone)
    (clone / "environments" / "e-1.yml").unlink()
    commit(clone)
    whole = requests(service, clone, "plan")

    found = requests(service, clone, "plan", "--since", first)

    # The guard counts what the whole project would archive.
    assert found == whole + Counter({"GET containers": 2, "GET versions": 1})


def test_a_plan_for_an_absent_workspace_sends_one_request(
    service: Azure, project: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "churn"
    copytree(project, directory)
    write(directory, {"envsync.yaml": SETTINGS.replace("ws-0", "ws-gone")})
    before = len(service.requests())

    done = envsync("plan", cwd=directory)

    assert done.returncode == 1
    # Other reads start after the first response.
    assert asked(service, before) == {"GET containers": 1}


def test_an_update_sends_three_requests(service: Azure, project: Path) -> None:
    write(project, {**environment("a", description="new"), **environment("b", description="new")})

    found = written(service, project)

    # The check just before the write, the write, and the read-back.
    assert found == {"GET version": 4, "PUT version": 2}


def test_a_further_version_needs_four_requests(service: Azure, project: Path) -> None:
    write(project, {**environment("c", "2"), **environment("d", "2")})

    found = written(service, project)

    # Before the write, the versions show what others registered since the plan, and the GET shows
    # this version, which the list may not show yet.
    assert found == {"GET versions": 2, "GET version": 4, "PUT version": 2}


def test_a_new_environment_needs_two_more_requests_for_its_owner(
    service: Azure, project: Path
) -> None:
    write(project, environment("new"))

    found = written(service, project)

    # A PUT replaces all tags of the container, so the other tags are read before.
    owner = {"GET container": 1, "PUT container": 1}
    assert found == {"GET versions": 1, "GET version": 2, "PUT version": 1, **owner}


def test_archiving_a_version_sends_three_requests(service: Azure, project: Path) -> None:
    write(project, {**environment("more"), **environment("more", "2")})
    written(service, project)
    (project / "environments" / "more-1.yml").unlink()

    assert written(service, project) == {"GET version": 2, "PUT version": 1}


def test_archiving_an_environment_sends_four_requests(service: Azure, project: Path) -> None:
    write(project, environment("old"))
    written(service, project)
    (project / "environments" / "old-1.yml").unlink()

    found = written(service, project)

    # The container has the tags and the description, which the PUT replaces. The versions are read
    # before the write and after it: a version that others add in between is archived as well.
    assert found == {"GET container": 1, "GET versions": 2, "PUT container": 1}


def test_the_lists_are_read_once_for_all_writes(service: Azure, project: Path) -> None:
    for name in DECLARED:
        write(project, environment(name, description="newer"))

    found = requests(service, project, "apply", "--yes", "--no-verify")

    assert found["PUT version"] == len(DECLARED)
    # For the plan, and for the writes.
    assert found["GET containers"] == 4
