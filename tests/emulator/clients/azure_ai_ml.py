"""Runs the documented operations on environments with any release of azure-ai-ml.

The arguments are environment files in the working directory. Each file declares version 1. Prints a
JSON object with the result of each step.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from typing import Any

from azure.ai.ml import MLClient, load_environment
from azure.identity import DefaultAzureCredential


def clients() -> tuple[MLClient, MLClient]:
    """Returns a client for the workspace, and a client for the registry."""
    credential = DefaultAzureCredential()
    workspace = MLClient(
        credential,
        os.environ["AZURE_SUBSCRIPTION_ID"],
        os.environ["AZURE_RESOURCE_GROUP"],
        os.environ["AZUREML_WORKSPACE_NAME"],
    )
    return workspace, MLClient(credential, registry_name=os.environ["AZUREML_REGISTRY_NAME"])


def versions(client: MLClient, name: str, view: Any = "ActiveOnly") -> list[str]:
    return [str(item.version) for item in client.environments.list(name, list_view_type=view)]


def names(client: MLClient, wanted: list[str]) -> list[str]:
    return sorted(item.name for item in client.environments.list() if item.name in wanted)


def main() -> None:
    """Runs all steps, and prints their results."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    workspace, registry = clients()
    seen: dict[str, Any] = {"created": [], "in the registry": []}
    declared = []
    for path in sys.argv[1:]:
        environment = load_environment(path)
        made = workspace.environments.create_or_update(environment)
        seen["created"].append(f"{made.name}:{made.version}")
        declared.append(str(made.name))
    first = declared[0]
    seen["listed"] = names(workspace, declared)
    workspace.environments.archive(first, version="1")
    seen["archived version"] = [versions(workspace, first, view) for view in ("ActiveOnly", "All")]
    workspace.environments.restore(first, version="1")
    seen["restored version"] = versions(workspace, first)
    workspace.environments.archive(first)
    seen["archived"] = names(workspace, declared)
    workspace.environments.restore(first)
    seen["restored"] = names(workspace, declared)
    seen["latest"] = str(workspace.environments.get(first, label="latest").version)
    for path in sys.argv[1:]:
        made = registry.environments.create_or_update(load_environment(path))
        seen["in the registry"].append(f"{made.name}:{made.version}")
    seen["listed in the registry"] = names(registry, declared)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
