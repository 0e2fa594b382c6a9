"""Fixtures that create a project in its own directory and run the command line in it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envsync.cli import main


@dataclass(frozen=True)
class Result:
    """The exit code and the output of one run."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Creates an empty project and makes it the working directory."""
    directory = tmp_path / "churn"
    (directory / "environments").mkdir(parents=True)
    monkeypatch.chdir(directory)
    # The shell that runs the tests may set these variables.
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return directory


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Returns a function that runs a command line, such as `run("plan", "--format", "json")`.

    The command runs in this process, in the directory of the project.
    """

    def call(*arguments: str) -> Result:
        monkeypatch.setattr("sys.argv", ["envsync", *arguments])
        before = Path.cwd()
        with pytest.raises(SystemExit) as exit_:
            main.main()
        # `-C` changes the directory of this process.
        os.chdir(before)
        # Reading the output also clears it, so each result contains the output of one run.
        written = capsys.readouterr()
        return Result(int(exit_.value.code or 0), written.out, written.err)

    return call


def without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes importing GitPython fail, as it does on a machine without git."""
    monkeypatch.setitem(sys.modules, "git", None)


def declare(
    project: Path,
    name: str,
    version: str | None = "1",
    image: str = "mcr.microsoft.com/azureml/core:1",
    **fields: str,
) -> Path:
    """Writes one environment file."""
    lines = [
        "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json",
        f"name: {name}",
        *([f'version: "{version}"'] if version else []),
        f"image: {image}",
        *(f"{key}: {value}" for key, value in ({"description": "About"} | fields).items()),
    ]
    path = project / "environments" / f"{name}-{version}.yml"
    path.write_text("\n".join(lines) + "\n")
    return path
