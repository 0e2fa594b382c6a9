"""The Azure CLI: logging in, `az rest`, and envsync signed in through it.

Runs in a directory with an `envsync.yaml` whose target has `credential: cli`. Prints one JSON
object: what each step gave.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

GROUP = os.environ["AZURE_RESOURCE_GROUP"]
WORKSPACE = os.environ["AZUREML_WORKSPACE_NAME"]
ENVIRONMENTS = (
    f"/subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{GROUP}"
    f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}/environments"
)


def az(*arguments: str) -> Any:
    """What the Azure CLI prints, and the last line of what it says where it fails."""
    done = subprocess.run(["az", *arguments, "--output", "json"], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    return json.loads(done.stdout) if done.stdout.strip() else None


def rest(method: str, path: str, *arguments: str, api: str = "2024-04-01") -> Any:
    """What `az rest` prints."""
    return az("rest", "--method", method, "--url", f"{path}?api-version={api}", *arguments)


def envsync(*arguments: str) -> list[Any]:
    """The exit code and the JSON of an envsync command."""
    done = subprocess.run(
        [sys.executable, "-m", "envsync", *arguments, "--format", "json"],
        capture_output=True,
        text=True,
    )
    if not done.stdout.startswith("{"):
        return [done.returncode, done.stderr]
    return [done.returncode, json.loads(done.stdout)]


def main() -> None:
    """Prints what each step gave."""
    seen: dict[str, Any] = {}
    logged_in = az(
        *("login", "--service-principal", "--username", os.environ["AZURE_CLIENT_ID"]),
        *("--password", os.environ["AZURE_CLIENT_SECRET"]),
        *("--tenant", os.environ["AZURE_TENANT_ID"]),
    )
    seen["login"] = [item["id"] for item in logged_in]
    shown = az("account", "show")
    seen["account"] = [shown["tenantId"], shown["user"]["type"], shown["isDefault"]]
    seen["tenants"] = rest("get", "/tenants", "--query", "value[].tenantId", api="2022-12-01")
    body = json.dumps({"properties": {"image": "python:3.12", "description": "By az."}})
    path = f"{ENVIRONMENTS}/by-az/versions"
    seen["put"] = rest("put", f"{path}/1", "--body", body, "--query", "properties.description")
    seen["list"] = rest("get", path, "--query", "value[].name")
    refused = rest("get", ENVIRONMENTS.replace("/environments", "/jobs"))
    seen["not built"] = refused.partition("(")[0]
    planned = envsync("plan", "--detailed-exitcode")
    seen["plan"] = [planned[0], planned[1]["summary"]["create"]]
    applied = envsync("apply", "--yes")
    seen["apply"] = [applied[0], [item["status"] for item in applied[1]["outcomes"]]]
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
