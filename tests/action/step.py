"""`Step`: a whole step, with the real command line, a local target, and a GitHub on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from envsync.action.marker import Marker
from envsync.action.step import run_step
from envsync.api import make_plan
from envsync.plan.plan import Plan
from envsync.project.project import load_project
from tests.action.forge import BOT, Forge, Text


@dataclass
class Step:
    """One step of a workflow.

    Attributes:
        workspace: the directory that the repository is checked out to.
        variables: the variables that GitHub and `action.yml` set.
        output: what the last command printed to the log.
    """

    workspace: Path
    variables: dict[str, str]
    capsys: pytest.CaptureFixture[str]
    output: str = field(default="")

    def run(self, command: str, **inputs: str) -> int:
        """Runs a command of the action and returns its exit code."""
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            Path(self.variables[name]).write_text("")
        given = {f"INPUT_{name.upper()}": text for name, text in inputs.items()}
        code = run_step({**self.variables, "INPUT_COMMAND": command, **given})
        self.output = self.capsys.readouterr().out
        return code

    @property
    def summary(self) -> str:
        return Path(self.variables["GITHUB_STEP_SUMMARY"]).read_text()

    def trigger(self, name: str, **payload: object) -> None:
        """Sets the event that the step runs for."""
        Path(self.variables["GITHUB_EVENT_PATH"]).write_text(json.dumps(payload))
        self.variables["GITHUB_EVENT_NAME"] = name

    def declare(self, name: str, image: str = "mcr.microsoft.com/azureml/core:1") -> Path:
        path = self.workspace / "environments" / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'name: {name}\nversion: "1"\nimage: {image}\ndescription: About.\n')
        return path

    def plan(self) -> Plan:
        return make_plan(load_project(self.workspace))

    def review(self, forge: Forge, **changed: Any) -> Text:
        """Writes the comment of a plan job of the pull request."""
        made = self.plan()
        marker = Marker("plan", ".", "", made.digest, made.fingerprints, 7, "def", "2026")
        return forge.write_comment(7, BOT, replace(marker, **changed).line())
