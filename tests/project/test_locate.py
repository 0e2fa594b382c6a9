"""`locate` finds the positions of fields in environment files and conda files."""

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
        ("conda_file.dependencies[1].pip[7]", (7, 7)),  # no such item: the key of the list
        ("conda_file.dependencies[7]", (5, 3)),
        ('conda_file.variables["a.b"]', (9, 15)),
        ('conda_file.variables["quo\\"te"]', (9, 25)),
        ("os_type", (2, 3)),  # merged from `defaults`
    ],
)
def test_a_field_is_located_at_its_key_or_list_item(
    tmp_path: Path, field: str, position: tuple[int, int]
) -> None:
    write(tmp_path, {"a.yml": INLINE})
    files = Files(str(tmp_path), str(tmp_path))

    assert locate(str(tmp_path / "a.yml"), field, files) == Position("a.yml", *position)


def test_a_missing_field_has_no_position(tmp_path: Path) -> None:
    write(tmp_path, {"a.yml": INLINE})
    files = Files(str(tmp_path), str(tmp_path))

    assert locate(str(tmp_path / "a.yml"), "build.context", files) is None
    assert locate(str(tmp_path / "gone.yml"), "name", files) is None


def test_a_field_of_a_conda_file_is_located_in_that_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.yml": "name: a\nconda_file: deep/conda.yml\n",
            "deep/conda.yml": "channels: [x]\ndependencies:\n- python\n",
        },
    )
    files = Files(str(tmp_path), str(tmp_path))
    path = str(tmp_path / "a.yml")

    assert locate(path, "conda_file.channels[0]", files) == Position("deep/conda.yml", 1, 12)
    assert locate(path, "conda_file", files) == Position("a.yml", 2, 1)
    assert locate(path, "conda_file.name", files) == Position("a.yml", 2, 1)
