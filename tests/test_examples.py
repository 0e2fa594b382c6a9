"""The examples in environments/ have no problem, and every kind of environment has an example."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from tests.command import envsync

ROOT = Path(__file__).parents[1]


def environment_files() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "environments").rglob("*.yml")
        if path.read_text().startswith("$schema: ")
    )


def test_validate_finds_no_problem_in_the_examples() -> None:
    done = envsync("validate", "--strict", "--format", "json", cwd=ROOT)

    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "format_version": 1,
        "files": len(environment_files()),
        "environments": len(environment_files()),
        "problems": [],
    }


def test_azure_ai_ml_loads_every_example_and_every_kind_has_an_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sdk = pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")
        loaded = [sdk.load_environment(path)._to_dict() for path in environment_files()]
    names = [environment["name"] for environment in loaded]

    kinds = {
        key
        for environment in loaded
        for key in ("image", "conda_file", "build", "inference_config")
        if environment.get(key)
    }
    assert kinds == {"image", "conda_file", "build", "inference_config"}
    # `pydata` is the example with two versions, `churn-train` the example without a version.
    assert [name for name in names if names.count(name) == 2] == ["pydata", "pydata"]
    assert "gpu.Dockerfile" in {
        environment["build"]["dockerfile_path"]
        for environment in loaded
        if environment.get("build")
    }
    assert [environment["name"] for environment in loaded if not environment.get("version")] == [
        "churn-train"
    ]
