"""The examples in environments/ are what the docs call them: one of each kind, and faultless."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

LOAD = """
import json, sys
from azure.ai.ml import load_environment
print(json.dumps({path: load_environment(path)._to_dict() for path in sys.argv[1:]}))
"""


def environment_files() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "environments").rglob("*.yml")
        if path.read_text().startswith("$schema: ")
    )


def test_validate_finds_nothing_to_say() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "envsync", "validate", "--strict", "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "format_version": 1,
        "files": len(environment_files()),
        "environments": len(environment_files()),
        "problems": [],
    }


def test_the_sdk_of_azure_ml_loads_each_and_every_kind_is_there() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, *environment_files()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout).values()
    names = [environment["name"] for environment in loaded]

    kinds = {
        key
        for environment in loaded
        for key in ("image", "conda_file", "build", "inference_config")
        if environment.get(key)
    }
    assert kinds == {"image", "conda_file", "build", "inference_config"}
    assert [name for name in names if names.count(name) == 2] == ["pydata", "pydata"]
    assert "gpu.Dockerfile" in {
        environment["build"]["dockerfile_path"]
        for environment in loaded
        if environment.get("build")
    }
    assert [environment["name"] for environment in loaded if not environment.get("version")] == [
        "churn-train"
    ]
