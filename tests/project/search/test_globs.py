"""The globs of `exclude` match the same paths as the patterns of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envsync.project.search.globs import Globs

PATHS = [
    "a.yml",
    "b/a.yml",
    "b/c/a.yml",
    "b/c/d.yaml",
    "templates/x.yml",
    "b/templates/y.yml",
    "b/[x]/z.yml",
]


@pytest.mark.parametrize(
    "glob",
    [
        "*.yml",
        "a.yml",
        "b/a.yml",
        "./b/a.yml".removeprefix("./"),
        "b/*.yml",
        "b/**/*.yml",
        "b/**",
        "**/a.yml",
        "b/*/a.yml",
        "templates",
        "templates/",
        "b/templates",
        "*/templates/*",
        "b/c",
        "[ab].yml",
        "?.yml",
        "nothing",
        "B/a.yml",
    ],
)
def test_globs_match_the_paths_that_git_would_ignore(glob: str, tmp_path: Path) -> None:
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text(f"{glob}\n")
    command = ["git", "-c", "core.ignoreCase=false", "check-ignore", *PATHS]
    ignored = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout

    assert [path for path in PATHS if Globs.of([glob]).match(path)] == [
        path for path in PATHS if path in ignored.split()
    ]


def test_globs_of_a_project_in_a_subdirectory_match_only_in_this_project() -> None:
    globs = Globs.of(["*.yml", "b/c"], "models/[x]")
    paths = ["a.yml", "models/[x]/a.yml", "models/x/a.yml", "models/[x]/b/c/d", "b/c/d"]

    assert [path for path in paths if globs.match(path)] == ["models/[x]/a.yml", "models/[x]/b/c/d"]
