"""Conda specifications of hostile files, which can have tens of thousands of unknown keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.project.environment import specification
from envsync.project.problems import MAX_OF_RULE
from tests.project.project import load_files

ENVIRONMENT = "name: e\nversion: '1'\ndescription: d\nimage: i:1\nconda_file: conda.yml\n"
UNKNOWN = "".join(f"k{number}: a\n" for number in range(3 * MAX_OF_RULE))


def test_a_similar_key_is_searched_only_for_keys_that_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []
    monkeypatch.setattr(specification, "nearest", lambda name, _: searched.append(name))
    files = {
        "environments/e.yml": ENVIRONMENT,
        "environments/conda.yml": "dependencies: [a=1]\n" + UNKNOWN,
    }

    loaded = load_files(tmp_path, files)

    assert len(searched) == MAX_OF_RULE
    unknown = [item for item in loaded.problems if item.rule == "unknown-field"]
    assert len(unknown) == MAX_OF_RULE + 1


@pytest.mark.parametrize(
    ("level", "expected"),
    [("error", set()), ("warning", {"invalid-conda"}), ("off", {"invalid-conda"})],
)
def test_a_key_that_is_not_reported_can_be_a_misspelt_dependencies_key(
    level: str, expected: set[str], tmp_path: Path
) -> None:
    files = {
        "environments/e.yml": ENVIRONMENT,
        "environments/conda.yml": UNKNOWN
        + "channels: [nodefaults]\ndependencies: []\ndependencys: [a=1]\n",
    }

    rules = {"unknown-field": level, "missing-python": "off"}
    loaded = load_files(tmp_path, files, rules=rules)  # type: ignore[arg-type]

    assert {item.rule for item in loaded.problems} - {"unknown-field"} == expected
