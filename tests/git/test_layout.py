"""Tests of the top directory and the default branch of a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.git.layout import layout_of
from tests.repository import ENVIRON, git


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GIT_DIR", raising=False)


def branch(directory: Path) -> str:
    layout = layout_of(directory)
    assert layout is not None
    return layout.branch


def committed(directory: Path, name: str) -> Path:
    directory.mkdir()
    git(directory, "init", "-q", "-b", name)
    git(directory, "commit", "-q", "--allow-empty", "-m", "First")
    return directory


def test_a_directory_outside_a_repository_has_no_layout(tmp_path: Path) -> None:
    assert layout_of(tmp_path) is None
    assert layout_of(tmp_path / "missing" / "deep") is None


def test_the_layout_contains_the_path_of_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    top = committed(tmp_path / "a", "main")
    layout = layout_of(top / "ml" / "new")

    assert layout is not None
    assert (layout.top, layout.below) == (top.resolve(), "ml/new")
    at_top = layout_of(top)
    assert at_top is not None
    assert at_top.below == ""


@pytest.mark.parametrize("name", ["trunk", "release/2024", "master"])
def test_the_default_branch_of_a_repository_without_commits_is_the_branch_of_head(
    tmp_path: Path, name: str
) -> None:
    git(tmp_path, "init", "-q", "-b", name)

    assert branch(tmp_path) == name


@pytest.mark.parametrize("name", ["stable", "release/2024"])
def test_a_clone_has_the_default_branch_of_its_remote(tmp_path: Path, name: str) -> None:
    origin = committed(tmp_path / "origin", name)
    git(origin, "branch", "main")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    git(tmp_path / "clone", "checkout", "-q", "-b", "feature")

    assert branch(tmp_path / "clone") == name


def test_the_default_branch_of_a_remote_without_head_has_a_usual_name(tmp_path: Path) -> None:
    origin = committed(tmp_path / "origin", "master")
    git(origin, "branch", "feature")
    clone = committed(tmp_path / "clone", "feature")
    git(clone, "remote", "add", "upstream", str(origin))
    git(clone, "fetch", "-q", "upstream")

    assert branch(clone) == "master"


def test_the_default_branch_of_a_repository_without_remote_has_a_usual_name(tmp_path: Path) -> None:
    repository = committed(tmp_path / "a", "develop")
    git(repository, "checkout", "-q", "-b", "feature")

    assert branch(repository) == "develop"


def test_the_default_branch_of_a_detached_head_is_the_git_setting_for_new_repositories(
    tmp_path: Path,
) -> None:
    repository = committed(tmp_path / "a", "feature")
    git(repository, "checkout", "-q", "--detach")
    git(repository, "config", "init.defaultBranch", "stable")

    assert branch(repository) == "stable"
