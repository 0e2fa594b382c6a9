"""The files of a repository in which references are searched for."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.git.listed import listed
from tests.project.project import write
from tests.repository import commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")

FILES = {
    "envs/envsync.yaml": "",
    "jobs/a.yml": "a",
    "jobs/b.PY": "b",
    "jobs/c.txt": "c",
    "build/d.yml": "d",
    ".gitignore": "build/\n",
    ".github/workflows/e.yml": "e",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = new_repository(tmp_path / "origin")
    commit(write(root, FILES))
    return root


def names(root: Path, top: Path) -> list[str]:
    """Returns the listed files of a project, relative to a directory."""
    return [Path(path).relative_to(top.resolve()).as_posix() for path in listed(root).paths]


def test_tracked_and_untracked_files_of_the_repository_are_listed(root: Path) -> None:
    write(root, {"new.ipynb": "", "build/new.yml": ""})
    (root / "jobs/a.yml").unlink()

    # The index still contains a deleted file. The search ignores that the file cannot be read.
    assert names(root / "envs", root) == [
        ".github/workflows/e.yml",
        "envs/envsync.yaml",
        "jobs/a.yml",
        "jobs/b.PY",
        "new.ipynb",
    ]


def test_files_on_disk_are_listed_without_a_repository(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "node_modules/f.yml": ""})

    assert names(tmp_path / "envs", tmp_path) == ["envs/envsync.yaml"]
    assert sorted(names(tmp_path, tmp_path)) == [
        "build/d.yml",
        "envs/envsync.yaml",
        "jobs/a.yml",
        "jobs/b.PY",
    ]


def test_files_on_disk_are_listed_if_git_cannot_be_used(root: Path) -> None:
    (root / ".git/HEAD").write_text("broken")
    (root / ".git/index").write_text("broken")

    assert "jobs/a.yml" in names(root / "envs", root)


def test_files_outside_of_a_sparse_checkout_are_read_from_git(root: Path) -> None:
    git(root, "sparse-checkout", "set", "envs")
    found = listed(root / "envs")

    assert not (root / "jobs").exists()
    assert found.absent[str(root.resolve() / "jobs/a.yml")] == b"a"
    assert found.warning == ""


def test_a_warning_says_that_files_are_missing_in_a_partial_clone(
    root: Path, tmp_path: Path
) -> None:
    git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--sparse", root.as_uri(), str(clone))
    git(clone, "sparse-checkout", "set", "envs")
    found = listed(clone / "envs")

    assert found.absent == {}
    assert found.warning == (
        "References in 3 files that this sparse checkout leaves out are unknown, because the clone "
        "is partial (`--filter`). Check the files out to include them."
    )
