"""Uses the Azure CLI: login, `az rest`, and envsync with `credential: cli`.

The Python of the Azure CLI runs this program. Most commands run in this process, because the Azure
CLI takes a second to start. Only the login and the sign-in of envsync start a new Azure CLI.

The working directory must contain an `envsync.yaml` whose target has `credential: cli`. Prints a
JSON object with the result of each step.

    python azure_cli.py PYTHON

Args:
    PYTHON: the Python of envsync.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

GROUP = os.environ["AZURE_RESOURCE_GROUP"]
WORKSPACE = os.environ["AZUREML_WORKSPACE_NAME"]
ENVIRONMENTS = (
    f"/subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{GROUP}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}/environments"
)


def started(*arguments: str) -> Any:
    """Starts the Azure CLI, and returns its output, or its error message if it fails."""
    done = subprocess.run(["az", *arguments, "--output", "json"], capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else json.loads(done.stdout)


def az(*arguments: str) -> Any:
    """Runs a command of the Azure CLI in this process, and returns its output."""
    shown = io.StringIO()
    cli = importlib.import_module("azure.cli.core").get_default_cli()
    assert cli.invoke([*arguments, "--output", "json"], out_file=shown) == 0
    return json.loads(shown.getvalue())


def refusal(*arguments: str) -> str:
    """Runs a command of the Azure CLI that the service refuses, and returns its error message."""
    cli = importlib.import_module("azure.cli.core").get_default_cli()
    with tempfile.TemporaryFile("w+") as file:
        # The handlers of the CLI keep the stream that was standard error when they were made.
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        assert cli.invoke([*arguments]) == 1
        os.dup2(before, 2)
        os.close(before)
        file.seek(0)
        return file.read().strip()


def rest(
    method: str,
    path: str,
    *arguments: str,
    api: str = "2024-04-01",
    run: Callable[..., Any] = az,
) -> Any:
    """Runs `az rest`, and returns its output."""
    return run("rest", f"--method={method}", f"--url={path}?api-version={api}", *arguments)


def envsync(*arguments: str) -> list[Any]:
    """Runs envsync, and returns its exit code, its JSON and its standard error."""
    done = subprocess.run(
        [sys.argv[1], "-m", "envsync", "--quiet", *arguments, "--format", "json"],
        capture_output=True,
        text=True,
    )
    if not done.stdout.startswith("{"):
        return [done.returncode, done.stderr]
    return [done.returncode, json.loads(done.stdout), done.stderr]


def main() -> None:
    """Runs all steps, and prints their results."""
    seen: dict[str, Any] = {}
    logged_in = az(
        "login",
        "--service-principal",
        f"--username={os.environ['AZURE_CLIENT_ID']}",
        f"--password={os.environ['AZURE_CLIENT_SECRET']}",
        f"--tenant={os.environ['AZURE_TENANT_ID']}",
    )
    seen["login"] = [item["id"] for item in logged_in]
    shown = az("account", "show")
    seen["account"] = [shown["tenantId"], shown["user"]["type"], shown["isDefault"]]
    seen["tenants"] = rest("get", "/tenants", "--query=value[].tenantId", api="2022-12-01")
    body = json.dumps({"properties": {"image": "python:3.12", "description": "By az."}})
    path = f"{ENVIRONMENTS}/by-az/versions"
    seen["put"] = rest("put", f"{path}/1", f"--body={body}", "--query=properties.description")
    seen["list"] = rest("get", path, "--query=value[].name")
    refused = rest("get", ENVIRONMENTS.replace("/environments", "/jobs"), run=refusal)
    seen["not built"] = refused.partition("(")[0]
    applied = envsync("apply", "--yes")
    seen["apply"] = [applied[0], [item["status"] for item in applied[1]["outcomes"]], applied[2]]
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
