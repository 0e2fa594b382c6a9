"""Runs Microsoft's clients with `envsync emulator` and only the variables that it sets.

Each test runs a program of `tests/emulator/clients` in the environment that the Makefile creates
for its client.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import forked

CLIENTS = Path(__file__).with_name("clients")
INSTALLED = Path(sys.prefix)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the paths are those of POSIX")

for extra in ("starlette", "uvicorn", "trustme"):
    pytest.importorskip(extra, reason=f"the emulator needs {extra}")

DECLARED = {
    "envsync.yaml": """\
project: declared
default_target: dev
targets:
  dev:
    kind: workspace
    credential: cli
    subscription_id: "${AZURE_SUBSCRIPTION_ID}"
    resource_group: "${AZURE_RESOURCE_GROUP}"
    workspace: "${AZUREML_WORKSPACE_NAME}"
""",
    "environments/declared.yml": """\
name: declared
version: "1"
image: python:3.12
description: Declared.
""",
}


def installed(program: str) -> str:
    """Returns the path of a program in a client's virtual environment.

    Skips the test if the program is not installed.
    """
    path = INSTALLED / program
    if not path.exists():
        pytest.skip(f"{program} is not installed; `make pytest` installs it")
    return str(path)


def seen_by(*command: str, directory: Path, path: str | None = None) -> Any:
    """Runs a program with the emulator, and returns the JSON that it prints.

    Args:
        command: the program and its arguments.
        directory: the working directory and home of the program.
        path: a directory to put first on the `PATH`.
    """
    search = os.environ["PATH"] if path is None else f"{path}{os.pathsep}{os.environ['PATH']}"
    # The pages are small, so that clients must follow `nextLink`.
    options = ("--page-size", "2", "--retry-after", "0.01")
    done = subprocess.run(
        [forked.program(*forked.EMULATOR), "emulator", *options, "--", *command],
        # Other variables of this process, such as `AZURE_CLIENT_ID`, would change the result.
        env={"PATH": search, "HOME": str(directory)},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_azure_mgmt_machinelearningservices_works_with_the_emulator(tmp_path: Path) -> None:
    python = installed("azure-mgmt/bin/python")
    seen = seen_by(python, str(CLIENTS / "management.py"), directory=tmp_path)

    assert seen["workspace"] == {
        "container": ["mgmt", "First.", {"team": "a"}],
        "version": ["2", "python:3.12", "mgmt", "Number 2."],
        "changed": "Changed.",
        "fixed": 409,
        "pages": [["5", "4"], ["3", "2"], ["1"]],
        "newest": ["5", "4"],
        "ActiveOnly": ["mgmt"],
        "ArchivedOnly": ["mgmt-old"],
        "All": ["mgmt", "mgmt-old"],
        "published": "Succeeded",
        "deleted version": 404,
        "deleted container": 404,
        "datastore": "workspaceblobstore",
        "workspace": "ws-dev",
        "not built": 501,
    }
    assert seen["registry"] == {
        "published": ["python:3.12", "Changed."],
        "container": ["mgmt-registry", "First."],
        "version 1": ["1", "Succeeded"],
        "version 2": ["2", "Succeeded"],
        "version 3": ["3", "Succeeded"],
        "changed": "Changed.",
        "pages": [["3", "2"], ["1"]],
        "containers": ["mgmt", "mgmt-registry"],
        "got": "Microsoft.MachineLearningServices/registries/shared/environments/mgmt-registry",
        "deleting": "Succeeded",
        "deleted version": 404,
        "deleted container": 404,
    }


def test_azure_arm_machinelearning_works_with_the_emulator(tmp_path: Path) -> None:
    modules = installed("azure-js/node_modules/@azure/arm-machinelearning")
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    program = str(CLIENTS / "management.mjs")
    seen = seen_by("node", program, str(Path(modules).parents[2]), directory=tmp_path)

    assert seen == {
        "container": ["js", "First.", {"team": "a"}],
        "version": ["2", "python:3.12", True],
        "changed": "Changed.",
        "fixed": 409,
        "pages": [["3", "2"], ["1"]],
        "ActiveOnly": ["js"],
        "ArchivedOnly": ["js-old"],
        "All": ["js", "js-old"],
        "deletedVersion": 404,
        "deletedContainer": 404,
        "notBuilt": 501,
    }


def test_the_azure_cli_and_envsync_with_its_login_work_with_the_emulator(tmp_path: Path) -> None:
    cli = Path(installed("azure-cli/bin"))
    for name, text in DECLARED.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    seen = seen_by(
        str(cli / "python"),
        str(CLIENTS / "azure_cli.py"),
        sys.executable,
        directory=tmp_path,
        path=str(cli),
    )

    assert seen == {
        "login": ["00000000-0000-4000-8000-656e7673796e"],
        "account": ["72f988bf-0000-4000-8000-656e7673796e", "servicePrincipal", True],
        "tenants": ["72f988bf-0000-4000-8000-656e7673796e"],
        "put": "By az.",
        "list": ["1"],
        "not built": "ERROR: Not Implemented",
        # The import of azure-ai-ml prints no warnings.
        "apply": [0, ["done"], ""],
    }
    # The CLI does not write to the home directory, because the emulator sets `AZURE_CONFIG_DIR`.
    assert not (tmp_path / ".azure").exists()
