"""Sends the requests of a plan with azure-core alone, and ignores the responses.

This program is the floor of `plan` and `status` in Python: it signs in and sends the same requests,
but it reads no project, converts no response and compares nothing.

    python -m benchmarks.minimal ENVIRONMENTS WORKSPACE...
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core import PipelineClient
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import EnvironmentCredential
from requests import Session
from requests.adapters import HTTPAdapter

from envsync.model.target import DEFAULT_PARALLEL

_MANAGER = "https://management.azure.com"


def main(environments: int, workspaces: Sequence[str]) -> None:
    """Reads workspaces at the same time."""
    with ThreadPoolExecutor(len(workspaces)) as pool:
        for done in [pool.submit(_read, name, environments) for name in workspaces]:
            done.result()


def _read(workspace: str, environments: int) -> None:
    """Reads both lists of environments, and the versions of each environment."""
    session = Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=DEFAULT_PARALLEL, pool_block=True))
    client: PipelineClient[Any, Any] = PipelineClient(
        _MANAGER,
        policies=[
            RetryPolicy(),
            BearerTokenCredentialPolicy(EnvironmentCredential(), f"{_MANAGER}/.default"),
        ],
        transport=RequestsTransport(session=session, session_owner=False),
    )
    url = (
        f"{_MANAGER}/subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}/resourceGroups/"
        f"{os.environ['AZURE_RESOURCE_GROUP']}/providers/Microsoft.MachineLearningServices/"
        f"workspaces/{workspace}/environments"
    )
    with session, ThreadPoolExecutor(DEFAULT_PARALLEL) as pool:
        sent = [pool.submit(_pages, client, url, view) for view in ("All", "ActiveOnly")]
        sent += [
            pool.submit(_pages, client, f"{url}/environment-{number}/versions", "All")
            for number in range(environments)
        ]
        for done in sent:
            done.result()


def _pages(client: PipelineClient[Any, Any], url: str, view: str) -> None:
    following: str | None = f"{url}?api-version=2023-04-01-preview&listViewType={view}"
    while following:
        response = client.send_request(HttpRequest("GET", following))
        response.raise_for_status()
        following = response.json().get("nextLink")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
