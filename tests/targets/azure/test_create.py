"""Tests the options of azure-ai-ml's client, which creates versions."""

from __future__ import annotations

import pytest

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.targets.azure.create import Creator
from envsync.targets.azure.http.clouds import cloud
from envsync.targets.azure.http.transport import SharedTransport
from tests.targets.azure.scripted import Script, Someone, answer
from tests.targets.contract import IMAGE, environment

SCOPE = {"subscription_id": "0000", "resource_group_name": "ml-dev", "workspace_name": "ws-dev"}

VERSION = (
    "/subscriptions/0000/resourceGroups/ml-dev/providers/Microsoft.MachineLearningServices"
    "/workspaces/ws-dev/environments/pydata/versions/1"
)


def test_a_create_is_retried_within_the_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The test does not really wait between the attempts.
    monkeypatch.setattr(SharedTransport, "sleep", lambda *_: None)
    created: JSON = {"id": VERSION, "name": "1", "type": "t", "properties": {"image": IMAGE}}
    # azure-core alone would give up after 10 retries.
    script = Script(*[answer(429)] * 40, answer(201, created))
    transport = SharedTransport(16)
    transport.session.mount("https://", script)

    Creator(cloud("AzureCloud"), Someone(), transport, SCOPE, time_limit=100.0).create(
        environment()
    )
    transport.close()

    assert [method for method, _ in script.sent] == ["PUT"] * 41


def test_the_error_says_that_every_retry_of_a_create_was_refused() -> None:
    transport = SharedTransport(16)
    transport.session.mount("https://", Script(answer(429, Retry_After="1")))
    creator = Creator(cloud("AzureCloud"), Someone(), transport, SCOPE, time_limit=0.1)

    with pytest.raises(TargetError, match="refused a request and all its retries"):
        creator.create(environment())
    transport.close()
