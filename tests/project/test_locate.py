"""Where a field of an environment is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.project.files import Files
from envsync.project.locate import Position, locate
from tests.project.project import write

INLINE = """\
defaults: &defaults
  os_type: linux
name: a
conda_file:
  dependencies:
    - python=3.11
    - pip:
        - six==1.16.0
  variables: {"a.b": x, 'quo"te': y}
<<: *defaults
"""


@pytest.mark.parametrize(
    ("field", "position"),
    [
        ("name", (3, 1)),
        ("conda_file", (4, 1)),
        ("conda_file.dependencies[0]", (6, 7)),
        ("conda_file.dependencies[1].pip[0]", (8, 11)),
        ("conda_file.dependencies[1].pip[7]", (7, 7)),
        ("conda_file.dependencies[7]", (5, 3)),
        ('conda_file.variables["a.b"]', (9, 15)),
        ('conda_file.variables["quo\\"te"]', (9, 25)),
        ("os_type", (2, 3)),
    ],
)
def test_a_field_is_found_at_its_key_or_item(
    tmp_path: Path, field: str, position: tuple[int, int]
) -> None:
    write(tmp_path, {"a.yml": INLINE})
    sources = Files(str(tmp_path), str(tmp_path))

    assert locate(str(tmp_path / "a.yml"), field, sources) == Position("a.yml", *position)


def test_a_field_that_is_not_there_is_nowhere(tmp_path: Path) -> None:
    write(tmp_path, {"a.yml": INLINE})
    sources = Files(str(tmp_path), str(tmp_path))

    assert locate(str(tmp_path / "a.yml"), "build.context", sources) is None
    assert locate(str(tmp_path / "gone.yml"), "name", sources) is None


def test_what_is_in_a_conda_file_is_found_there(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.yml": "name: a\nconda_file: deep/conda.yml\n",
            "deep/conda.yml": "channels: [x]\ndependencies:\n- python\n",
        },
    )
    sources = Files(str(tmp_path), str(tmp_path))
    path = str(tmp_path / "a.yml")

    assert locate(path, "conda_file.channels[0]", sources) == Position("deep/conda.yml", 1, 12)
    assert locate(path, "conda_file", sources) == Position("a.yml", 2, 1)
    assert locate(path, "conda_file.name", sources) == Position("a.yml", 2, 1)
