"""Tests of reading the versions that earlier commits declared, in real repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.git.past import declared_before
from envsync.model.errors import GitError
from envsync.project.settings.config import load_config
from tests.project.project import write
from tests.repository import commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "churn")


def declared(root: Path, version: str, name: str = "a") -> str:
    """Commits one environment file."""
    text = f"name: {name}\nversion: {version}\nimage: base:1\n"
    return commit(write(root, {f"environments/{name}.yml": text}))


def past(root: Path, *names: str) -> dict[str, set[str]]:
    return declared_before(load_config(start=root), names)


def test_versions_that_were_removed_are_returned(root: Path) -> None:
    for version in ("1", '"2"', "1.10"):
        declared(root, version)
    declared(root, "7", "b")
    (root / "environments/a.yml").unlink()
    commit(root)

    assert past(root, "a") == {"a": {"1", "2", "1.10"}}
    assert past(root, "none") == {}


def test_only_the_current_branch_and_the_default_branch_are_searched(
    root: Path, tmp_path: Path
) -> None:
    declared(root, "1")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(root), str(clone))
    declared(root, "2")
    git(root, "checkout", "--quiet", "-b", "other")
    declared(root, "3")
    git(clone, "fetch", "--quiet")

    assert past(clone, "a") == {"a": {"1", "2"}}


def test_content_that_a_partial_clone_lacks_is_not_fetched(root: Path, tmp_path: Path) -> None:
    declared(root, "1")
    declared(root, "2")
    git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", root.as_uri(), str(clone))

    assert past(clone, "a") == {"a": {"2"}}


def test_files_that_are_not_environments_are_ignored(root: Path) -> None:
    write(root, {"environments/c.yml": "name: a\n", "environments/d.yml": "name: a: [\n"})
    write(root, {"environments/tree.yml/a.yml": "- a\n", "environments/e.txt": "name: a"})
    commit(root)

    assert past(root, "a") == {}


def test_no_version_is_returned_before_the_first_commit(root: Path) -> None:
    assert past(root, "a") == {}


def test_a_directory_outside_a_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is not in a git repository"):
        past(tmp_path, "a")
