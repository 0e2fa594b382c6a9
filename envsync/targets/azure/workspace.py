"""The target `workspace`: the environments of an Azure ML workspace.

The Resource Manager serves the resources of a workspace. docs/how-to/azure.md describes the
target for users.
"""

from __future__ import annotations

from typing import Final

from envsync.model.target import TargetIdentity
from envsync.project.settings.targets import TargetConfig
from envsync.targets.azure.client import Endpoint, open_client
from envsync.targets.azure.resources import Resources
from envsync.targets.azure.target import AzureTarget
from envsync.targets.connection import Connection

API_VERSION: Final = "2023-04-01-preview"
"""The api-version that azure-ai-ml uses for environments. The stable `2024-04-01` is equivalent."""


def open_workspace(config: TargetConfig, connection: Connection) -> AzureTarget:
    """Returns the workspace that `envsync.yaml` describes. Does not connect.

    Raises:
        TargetError: the credential cannot be created.
    """
    settings = config.settings
    resource_id = (
        f"/subscriptions/{settings['subscription_id']}/resourceGroups/{settings['resource_group']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{settings['workspace']}"
    )
    client = open_client(config, connection)

    def find() -> Endpoint:
        scope = {
            "subscription_id": settings["subscription_id"],
            "resource_group_name": settings["resource_group"],
            "workspace_name": settings["workspace"],
        }
        url = client.rest.cloud.manager + resource_id
        resources = Resources(client.rest, url, API_VERSION)
        return Endpoint(resources, client.creator(scope), client.contexts(url))

    return AzureTarget(
        TargetIdentity(config.name, config.kind, resource_id),
        find,
        parallel=connection.parallel,
        stale=connection.stale,
        close=client.close,
        stop=client.stop,
        reading=connection.reading,
    )
