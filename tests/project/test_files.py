"""The cache of the files of a project: what is read once, and what is kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from envsync.model.declaration import Source
from envsync.project.locate import Position
from envsync.project.project import Project, load_project
from tests.project.project import write

ENVIRONMENT = "name: a\nimage: python:3.12\nconda_file: conda.yml\n"
CONDA = "dependencies:\n  - python=3.12\n"
# A file without a shape, and a file that only looks like an environment.
FILES = {
    "envsync.yaml": "project: churn\n",
    "environments/a.yml": ENVIRONMENT,
    "environments/b.yml": ENVIRONMENT.replace("name: a", "name: b"),
    "environments/conda.yml": CONDA,
    "environments/other.yml": "kind: other\n",
    "environments/job.yml": "$schema: https://example.com/commandJob.schema.json\n" + ENVIRONMENT,
}
SOURCE = Source("environments/a.yml", 1)


@pytest.fixture
def project(tmp_path: Path, parsed: Counter[bytes]) -> Project:
    del parsed  # it must be counting before the project is loaded
    return load_project(write(tmp_path, FILES))


def test_loading_parses_each_file_once_and_keeps_no_nodes(
    project: Project, parsed: Counter[bytes]
) -> None:
    assert [item.name for item in project.declarations] == ["a", "b"]
    assert set(parsed.values()) == {1}
    assert project.files.parsed == {}


def test_the_paths_that_a_project_names_need_no_further_parsing(
    project: Project, parsed: Counter[bytes]
) -> None:
    conda = project.config.root / "environments/conda.yml"

    assert project.references(SOURCE) == {"conda_file": conda}
    assert conda in project.paths()
    assert set(parsed.values()) == {1}


def test_a_position_refers_to_the_text_that_was_loaded(project: Project) -> None:
    write(project.config.root, {"environments/a.yml": "# A comment.\n" + ENVIRONMENT})
    write(project.config.root, {"environments/conda.yml": "name: a\n" + CONDA})

    assert project.locate(SOURCE, "image") == Position("environments/a.yml", 2, 1)
    dependency = project.locate(SOURCE, "conda_file.dependencies[0]")
    assert dependency == Position("environments/conda.yml", 2, 5)
