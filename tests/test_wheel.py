"""The wheel that users install: its files, and its use with uv, uvx, pipx and the Dockerfile."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import envsync
from tests.wheels import wheels

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    # With build isolation, pip would download the build tools.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    run([*command, str(directory)], ROOT)
    (path,) = directory.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables with which uv installs only from wheels, with one cache for all tests."""
    return {
        "UV_CACHE_DIR": str(tmp_path_factory.mktemp("uv")),
        "UV_FIND_LINKS": str(wheels()),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
    }


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def run(command: list[str], cwd: Path, **variables: str) -> str:
    """Runs a command that must succeed, and returns its output.

    The command does not import this checkout, because `PYTHONPATH` is not passed on.
    """
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**environment, "NO_COLOR": "1", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_contains_only_the_package_and_its_metadata(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"envsync_azureml-{envsync.__version__}.dist-info"
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
    wheel: Path, tmp_path: Path, local: dict[str, str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    # pip takes as long as the rest of this test, so only test_precommit.py and action/test_act.py
    # install with pip.
    run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], empty)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    uv = [program("uv"), "pip", "install", "--quiet", "--python", str(python)]
    run([*uv, str(wheel)], empty, **local)
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


def test_uvx_runs_the_wheel(wheel: Path, tmp_path: Path, local: dict[str, str]) -> None:
    uvx = [program("uvx"), "--from", str(wheel), "envsync"]
    home = {**local, "UV_TOOL_DIR": str(tmp_path / "tools")}

    assert run([*uvx, "--version"], tmp_path, **home) == f"envsync {envsync.__version__}\n"


def test_pipx_runs_the_wheel(wheel: Path, tmp_path: Path, local: dict[str, str]) -> None:
    pipx = [program("pipx"), "run", "--backend", "uv", "--spec", str(wheel), "envsync"]
    home = {**local, "PIPX_BIN_DIR": str(tmp_path / "bin"), "PIPX_HOME": str(tmp_path / "pipx")}

    assert run([*pipx, "--version"], tmp_path, **home) == f"envsync {envsync.__version__}\n"


def test_the_dockerfile_copies_everything_that_the_wheel_is_built_from(
    wheel: Path, tmp_path: Path
) -> None:
    # The test cannot build the image: that needs Docker, and an image from a registry.
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    # `.dockerignore` excludes everything, and then includes again what starts with `!`.
    exclude, *rest = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1:]
    included = {line[1:] for line in rest if line.startswith("!")}
    source = tmp_path / "source"
    source.mkdir()
    copied = [
        name
        for names in re.findall(r"^COPY ((?!--).+) \S+$", text, re.MULTILINE)
        for name in names.split()
    ]
    for name in copied:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, source / name)
    # The same build as that of `build`, which would start three processes for it.
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], source)
    (built,) = tmp_path.glob("*.whl")

    assert exclude == "*"
    assert set(copied) == included
    assert zipfile.ZipFile(built).namelist() == zipfile.ZipFile(wheel).namelist()
