"""The wheel that users install: its files, and its use in an empty environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import envsync

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    # With build isolation, pip would download the build tools.
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory)]
    run(build, ROOT)
    (path,) = directory.glob("*.whl")
    return path


def run(command: list[str], cwd: Path) -> str:
    """Runs a command that must succeed, and returns its output.

    The command does not import this checkout, because `PYTHONPATH` is not passed on.
    """
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**environment, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_contains_only_the_package_and_its_metadata(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"envsync-{envsync.__version__}.dist-info"
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "envsync").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert "envsync/py.typed" in package
    assert {name for name in package if name.startswith("envsync/schemas/")}
    assert names == package | {
        f"{info}/METADATA",
        f"{info}/RECORD",
        f"{info}/WHEEL",
        f"{info}/entry_points.txt",
        f"{info}/licenses/LICENSE",
    }


def test_the_installed_wheel_creates_applies_and_plans_a_project(
    wheel: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    # pip is not installed and modules are not compiled, because both would take longer than the
    # rest of this test.
    run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], empty)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet"]
    run([*pip, "install", "--no-compile", str(wheel)], empty)
    command = str(python.with_name("envsync"))

    version = run([command, "--version"], empty)
    assert envsync.__version__ in version
    assert run([str(python), "-m", "envsync", "--version"], empty) == version

    run([command, "init", "demo"], empty)
    run([command, "-C", "demo", "validate", "--strict"], empty)
    run([command, "-C", "demo", "plan"], empty)
    run([command, "-C", "demo", "apply", "--yes"], empty)
    run(
        [command, "-C", "demo", "plan", "--detailed-exitcode"], empty
    )  # exits with 2 if the plan has changes
    (held,) = json.loads(run([command, "-C", "demo", "list", "--format", "json"], empty))
    run([command, "-C", "demo", "show", held["name"]], empty)
    run([command, "-C", "demo", "targets"], empty)
    json.loads(run([command, "schema", "environment"], empty))
