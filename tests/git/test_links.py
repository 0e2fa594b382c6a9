"""Links in the work tree and in older commits that lead to themselves or out of the project."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from envsync.api import changed_names
from envsync.git.check import check
from envsync.project.project import load_project
from tests.repository import commit, new_repository

ENVIRONMENT = "name: a\nversion: 1\nimage: a:1\ndescription: A.\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    found = new_repository(tmp_path / "repository")
    (found / "envsync.yaml").write_text(
        "project: churn\ntargets:\n  dev: {kind: local, path: local.db}\n"
    )
    return found


@pytest.mark.parametrize("name", ["environments", "environments/link"])
def test_a_link_of_an_older_commit_is_not_followed_out_of_the_project(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.yml").write_text(ENVIRONMENT.replace("a:1", "a:2"))
    link = repository / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    commit(repository)
    link.unlink()
    (repository / "environments").mkdir(exist_ok=True)
    (repository / "environments" / "a.yml").write_text(ENVIRONMENT)
    commit(repository)
    project = load_project(repository)
    scan, scanned = os.scandir, []

    def spy(path: Any) -> Any:
        if isinstance(path, str | Path):  # and no file descriptor
            scanned.append(os.path.realpath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", spy)

    assert check(project, "HEAD~1").rejections == ()
    assert changed_names(project, "HEAD~1") == {"a"}
    assert str(outside) not in scanned
    # The function records what is scanned.
    load_project(repository)
    assert str(repository / "environments") in scanned


@pytest.mark.parametrize("target", ["environments", "./environments", "../repository/environments"])
def test_a_directory_that_is_a_link_to_itself_causes_no_traceback(
    repository: Path, target: str
) -> None:
    directory = repository / "environments"
    directory.mkdir()
    (directory / "a.yml").write_text(ENVIRONMENT)
    commit(repository)
    shutil.rmtree(directory)
    directory.symlink_to(target)
    commit(repository)
    project = load_project(repository)

    assert changed_names(project, "HEAD~1") == {"a"}
