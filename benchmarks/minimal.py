"""Sends the requests of a plan with azure-identity and azure-core alone, and ignores the responses.

This program is the floor of `plan` and `status` in Python: it reads no project, converts no
response and compares nothing.

    python -m benchmarks.minimal WORKSPACE NAME...
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import EnvironmentCredential
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from requests import Session
from requests.adapters import HTTPAdapter

_MANAGER = "https://management.azure.com"
_PARALLEL = 16


def read(workspace: str, names: Sequence[str]) -> None:
    """Reads both lists of environments, and the versions of each environment, 16 at a time."""
    session = Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=_PARALLEL, pool_block=True))
    credential = EnvironmentCredential()
    client: ARMPipelineClient[Any, Any] = ARMPipelineClient(
        _MANAGER,
        policies=[
            RetryPolicy(),
            ARMChallengeAuthenticationPolicy(credential, f"{_MANAGER}/.default"),
        ],
        transport=RequestsTransport(session=session, session_owner=False),
    )
    url = (
        f"{_MANAGER}/subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}/resourceGroups/"
        f"{os.environ['AZURE_RESOURCE_GROUP']}/providers/Microsoft.MachineLearningServices/"
        f"workspaces/{workspace}/environments"
    )
    with ThreadPoolExecutor(_PARALLEL) as pool:
        lists = [pool.submit(_pages, client, url, view) for view in ("All", "ActiveOnly")]
        found = [pool.submit(_pages, client, f"{url}/{name}/versions", "All") for name in names]
        for each in (*lists, *found):
            each.result()


def _pages(client: ARMPipelineClient[Any, Any], url: str, view: str) -> None:
    following: str | None = f"{url}?api-version=2023-04-01-preview&listViewType={view}"
    while following:
        response = client.send_request(HttpRequest("GET", following))
        response.raise_for_status()
        following = response.json().get("nextLink")


if __name__ == "__main__":
    read(sys.argv[1], sys.argv[2:])
