"""`check` finds the names that get a new version, and the files that use their `@latest`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envsync.git.latest import moving_latest
from envsync.model.declaration import Declaration
from envsync.plan.change import LatestChange
from tests.builders import declared, image
from tests.command import envsync
from tests.project.project import write
from tests.repository import commit, new_repository

CASES: dict[str, tuple[list[Declaration], list[Declaration], list[LatestChange]]] = {
    "nothing changed": ([declared("a", "1")], [declared("a", "1")], []),
    "new version": (
        [declared("a", "1")],
        [declared("a", "2", image("2"))],
        [LatestChange("a", "1", "2")],
    ),
    "one more version": (
        [declared("a", "9")],
        [declared("a", "9"), declared("a", "10")],
        [LatestChange("a", "9", "10")],
    ),
    "fix of an older line": (
        [declared("a", "1"), declared("a", "2")],
        [declared("a", "1.1"), declared("a", "2")],
        [LatestChange("a", "2", "1.1")],
    ),
    "version removed": ([declared("a", "1"), declared("a", "2")], [declared("a", "1")], []),
    "edited version": ([declared("a", "1")], [declared("a", "1", image("2"))], []),
    "new name": ([declared("a", "1")], [declared("a", "1"), declared("b", "1")], []),
    "removed name": ([declared("a", "1")], [], []),
    "unversioned, other spec": (
        [declared("a", None)],
        [declared("a", None, image("2"))],
        [LatestChange("a", None, None)],
    ),
    "unversioned, other metadata": (
        [declared("a", None)],
        [declared("a", None, description="d")],
        [],
    ),
    "unversioned becomes versioned": (
        [declared("a", None)],
        [declared("a", "5")],
        [LatestChange("a", None, "5")],
    ),
}


@pytest.mark.parametrize(("before", "now", "expected"), CASES.values(), ids=list(CASES))
def test_a_new_version_moves_latest(
    before: list[Declaration], now: list[Declaration], expected: list[LatestChange]
) -> None:
    assert list(moving_latest(before, now)) == expected


ENVIRONMENT = "name: {name}\nversion: '{version}'\ndescription: d\nimage: i:{version}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository in which only `a` has a new version since the last commit."""
    root = new_repository(tmp_path)
    files = {
        f"envs/environments/{name}.yml": ENVIRONMENT.format(name=name, version=1) for name in "ab"
    }
    jobs = {
        "jobs/a.yml": "command: x\nenvironment: azureml:a@latest\n",
        "jobs/b.yml": "command: x\nenvironment: azureml:b@latest\n",
        "jobs/pinned.yml": "command: x\nenvironment: azureml:a:1\n",
        "jobs/shared.yml": "environment: azureml://registries/other/environments/a/labels/latest\n",
        "train.py": "f(environment='azureml:a@latest')\n",
    }
    commit(write(root, {**files, **jobs}))
    write(root, {"envs/environments/a.yml": ENVIRONMENT.format(name="a", version=2)})
    return root


@pytest.mark.usefixtures("clean_git")
def test_check_lists_the_files_that_use_a_latest_that_moves(root: Path) -> None:
    text = envsync("-C", "envs", "check", cwd=root)
    data = json.loads(envsync("check", "--json", cwd=root / "envs").stdout)
    github = envsync("check", "--format", "github", cwd=root / "envs").stdout

    assert text.returncode == 0
    assert text.stdout.startswith(
        "@latest\n"
        "  a  1 → 2\n"
        "      reaches jobs/a.yml:2 (component)\n"
        "      reaches train.py:1 (python)\n"
        "2 environments compared with "
    )
    assert [item["name"] for item in data["latest"]] == ["a"]
    assert [item["file"] for item in data["latest"][0]["uses"]] == ["../jobs/a.yml", "../train.py"]
    assert github.splitlines() == [
        f"::notice file={file},title=moving-latest::a@latest moves: 1 → 2."
        for file in ("jobs/a.yml,line=2", "train.py,line=1")
    ]


@pytest.mark.usefixtures("clean_git")
def test_check_searches_no_files_if_no_label_latest_moves(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, {"envs/environments/a.yml": ENVIRONMENT.format(name="a", version=1)})
    searched: list[Path] = []
    monkeypatch.setattr("envsync.git.references.listed", searched.append)

    assert envsync("check", cwd=root / "envs").returncode == 0
    assert searched == []
