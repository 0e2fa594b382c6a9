"""The accepted values of `api-version`, and the errors for other values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from envsync.emulator.endpoints.apiversions import MACHINE_LEARNING, RESOURCE_MANAGER
from tests.emulator.client import REGISTRY, WORKSPACE, Client, serving
from tests.emulator.recordings import DATA

MANAGER = "https://management.azure.com"
PROVIDER = WORKSPACE.partition("/providers/")[0] + "/providers/Microsoft.MachineLearningServices"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client for the tests that write nothing."""
    with serving() as client:
        yield client


@pytest.mark.parametrize("base", [WORKSPACE, REGISTRY, f"{PROVIDER}/registries/shared"])
def test_every_known_api_version_is_accepted(client: Client, base: str) -> None:
    statuses = {
        api: client.send("GET", f"{base}/environments?api-version={api}").status
        for api in MACHINE_LEARNING
    }

    assert statuses == dict.fromkeys(MACHINE_LEARNING, 200)


@pytest.mark.parametrize(("base", "kind"), [(WORKSPACE, "workspaces"), (REGISTRY, "registries")])
# A date that is not an API version, a misspelt API version, and a word.
@pytest.mark.parametrize("api", ["2023-04-02", "2024-04-01-previw", "latest"])
def test_the_error_for_an_unknown_api_version_lists_the_known_versions(
    client: Client, base: str, kind: str, api: str
) -> None:
    reply = client.send("GET", f"{base}/environments?api-version={api}")

    known = ", ".join(MACHINE_LEARNING)
    assert reply.status == 400
    assert reply.json["error"] == {
        "code": "NoRegisteredProviderFound",
        "message": "No registered resource provider found for location 'eastus' and API "
        f"version '{api}' for type '{kind}'. The supported api-versions are '{known}'. "
        "The supported locations are 'eastus'.",
    }


@pytest.mark.parametrize("path", ["/subscriptions", "/subscriptions/s", "/tenants"])
def test_subscriptions_and_tenants_have_their_own_api_versions(client: Client, path: str) -> None:
    statuses = {
        client.send("GET", f"{MANAGER}{path}?api-version={api}").status for api in RESOURCE_MANAGER
    }
    refused = client.send("GET", f"{MANAGER}{path}?api-version=2024-04-01")
    without = client.send("GET", f"{MANAGER}{path}")

    assert statuses == {200}
    assert (refused.status, refused.json["error"]) == (
        400,
        {
            "code": "InvalidApiVersionParameter",
            "message": "The api-version '2024-04-01' is invalid. The supported versions are "
            f"'{', '.join(RESOURCE_MANAGER)}'.",
        },
    )
    assert (without.status, without.json["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_every_recorded_api_version_is_known() -> None:
    recordings = sorted(DATA.joinpath("recordings").glob("*.jsonl"))
    if not recordings:
        pytest.skip(f"{DATA} contains no recordings; set ENVSYNC_TEST_DATA")
    sent = {
        api
        for path in recordings
        for api in re.findall(r"api-version=([\w-]+)", path.read_text(encoding="utf-8"))
    }

    assert sent - set(MACHINE_LEARNING) == set()


def test_every_published_api_version_is_known() -> None:
    files = sorted(DATA.joinpath("contract").glob("*.json"))
    if not files:
        pytest.skip(f"{DATA} contains no OpenAPI files; set ENVSYNC_TEST_DATA")
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    published = {document["info"]["version"] for document in documents if document.get("host")}

    assert published - set(MACHINE_LEARNING) == set()
