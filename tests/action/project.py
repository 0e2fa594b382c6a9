"""`Project`: a git repository with environments, its pull request, and its workflow runs."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from envsync.action.marker import read_marker
from envsync.api import apply_plan, make_plan
from envsync.project.project import load_project
from envsync.project.settings.config import load_config
from envsync.targets.azure.target import AzureTarget
from envsync.targets.kinds import open_target
from tests.action.act import Ran, Runner
from tests.action.forge import REPOSITORY, Forge
from tests.action.in_process import InProcess

BASE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1"
NEWER = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20250301.v1"
WORKSPACES = tuple(f"ws-{number}" for number in range(24))


@dataclass
class Project:
    """A git repository with environments and their target."""

    path: Path
    variables: Mapping[str, str]
    forge: Forge

    def set_targets(self, **workspaces: str) -> None:
        """Writes `envsync.yaml` with a target for each workspace."""
        targets = [
            f'  {name}: {{kind: workspace, subscription_id: "${{AZURE_SUBSCRIPTION_ID}}",'
            f" resource_group: ml-dev, workspace: {workspace}, credential: environment}}\n"
            for name, workspace in workspaces.items()
        ]
        (self.path / "envsync.yaml").write_text(
            "project: churn\ndefault_target: dev\ntargets:\n" + "".join(targets)
        )

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def declare(self, name: str, version: str, image: str = BASE, about: str = "About.") -> None:
        text = f'name: {name}\nversion: "{version}"\nimage: {image}\ndescription: {about!r}\n'
        (self.path / "environments").mkdir(exist_ok=True)
        (self.path / "environments" / f"{name}.yml").write_text(text)

    def commit(self) -> str:
        """Commits all files and returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def apply(self, *globs: str) -> None:
        """Applies the project directly, without a workflow."""
        with patch.dict(os.environ, self.variables), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # importing azure-ai-ml emits many warnings
            project = load_project(self.path)
            assert apply_plan(project, make_plan(project, globs=globs)).ok

    def held(self) -> list[str]:
        """Returns the names of the environments in the target that are not curated."""
        with patch.dict(os.environ, self.variables):
            config = load_config(None, self.path).target()
            with closing(open_target(config, self.path)) as target:
                held = target.read(None)
        return sorted(name for name in held if not name.startswith("AzureML-"))

    def creator(self, name: str, version: str) -> str:
        """Returns the client id of the application that registered a version in Azure."""
        with patch.dict(os.environ, self.variables):
            config = load_config(None, self.path).target()
            with closing(open_target(config, self.path)) as target:
                assert isinstance(target, AzureTarget)
                resources = target.endpoint.resources
                url = f"{resources.url}/environments/{name}/versions/{version}"
                found: Any = resources.rest.get(url, {"api-version": resources.api_version})
        return str(found["systemData"]["createdBy"])

    def pull_request(self, number: int = 7, origin: str = REPOSITORY) -> dict[str, Any]:
        """Pushes to a pull request and returns the event."""
        head = self.git("rev-parse", "HEAD")
        self.forge.open(number, head)
        return {
            "pull_request": {
                "number": number,
                "base": {"ref": "main", "sha": self.git("rev-parse", "main")},
                "head": {
                    "ref": "change",
                    "sha": head,
                    "repo": {"full_name": origin},
                },
            }
        }

    def merge(self, number: int = 7, how: str = "--no-ff") -> dict[str, Any]:
        """Merges the branch, and returns the event of the push to the default branch."""
        self.git("switch", "--quiet", "main")
        if how == "--rebase":
            self.git("cherry-pick", "main..change")
        else:
            self.git("merge", "--quiet", how, "change", "--message", "Merge")
        if how == "--squash":
            self.commit()
        return self.pushed(number)

    def pushed(self, number: int = 7) -> dict[str, Any]:
        """Makes the simulated GitHub return the newest commit as the merge of a pull request."""
        sha = self.git("rev-parse", "HEAD")
        self.forge.merge(sha, number)
        return {"ref": "refs/heads/main", "after": sha}


def plan(runner: Runner | InProcess, project: Project, **options: Any) -> Ran:
    origin = options.pop("origin", REPOSITORY)
    payload = project.pull_request(origin=origin)
    return runner.run(
        project.path, event="pull_request", workflow="envsync-plan.yml", payload=payload, **options
    )


def merged(runner: Runner | InProcess, project: Project, how: str = "--no-ff") -> Ran:
    return pushed(runner, project, project.merge(how=how))


def pushed(runner: Runner | InProcess, project: Project, payload: Mapping[str, Any]) -> Ran:
    return runner.run(project.path, event="push", workflow="envsync-apply.yml", payload=payload)


def by_hand(runner: Runner | InProcess, project: Project, **inputs: str) -> Ran:
    payload = {"ref": "refs/heads/main", "inputs": inputs}
    return runner.run(
        project.path, event="workflow_dispatch", workflow="envsync-apply.yml", payload=payload
    )


def records(forge: Forge) -> list[str]:
    """Returns the comments that show an apply, without their markers."""
    return [
        text.body.partition("\n")[2]
        for text in forge.comments.get(7, [])
        if (marker := read_marker(text.body)) and marker.kind == "apply"
    ]
