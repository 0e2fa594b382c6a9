"""The responses to requests that no endpoint of the emulator handles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.client import DATAPLANE, IMAGE, REGISTRY, STABLE, WORKSPACE, Client, serving

VERSION = f"{WORKSPACE}/environments/pydata/versions/1"
MANAGED = WORKSPACE.replace("workspaces/ws-dev", "registries/shared")
REGION = "https://eastus.api.azureml.ms"
LOGIN = "https://login.microsoftonline.com/tenant"
SUBSCRIPTION = "https://management.azure.com/subscriptions/s"
MACHINE_LEARNING = "Microsoft.MachineLearningServices"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client for the tests that write nothing."""
    with serving() as client:
        yield client


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [
        ("PATCH", VERSION, "DELETE, GET, HEAD, PUT"),
        ("POST", f"{WORKSPACE}/environments", "GET, HEAD"),
        ("POST", WORKSPACE, "GET, HEAD"),
        ("GET", f"{VERSION}/publish", "POST"),
        ("HEAD", f"{VERSION}/publish", "POST"),
        ("PATCH", f"{MANAGED}/environments/pydata", "DELETE, GET, HEAD, PUT"),
        ("GET", f"{REGISTRY}/tempdatarefs/pydata/versions/1", "PUT"),
        ("DELETE", f"{REGION}/registrymanagement/v1.0/registries/shared/discovery", "GET, HEAD"),
        ("GET", f"{LOGIN}/oauth2/v2.0/token", "POST"),
        ("OPTIONS", SUBSCRIPTION, "GET, HEAD"),
    ],
)
def test_a_method_that_azure_ml_does_not_have_gets_405(
    client: Client, method: str, url: str, allowed: str
) -> None:
    reply = client.send(method, f"{url}?api-version={STABLE}")

    assert (reply.status, reply.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("method", "url", "kind"),
    [
        ("GET", f"{WORKSPACE}/jobs", f"{MACHINE_LEARNING}/workspaces/jobs"),
        ("GET", f"{WORKSPACE}/jobs/a", f"{MACHINE_LEARNING}/workspaces/jobs"),
        ("HEAD", f"{WORKSPACE}/jobs/a", ""),  # a response to HEAD has no body with a message
        ("PUT", WORKSPACE, f"{MACHINE_LEARNING}/workspaces"),
        (
            "PUT",
            f"{WORKSPACE}/datastores/other",
            f"{MACHINE_LEARNING}/workspaces/datastores",
        ),
        ("GET", MANAGED, f"{MACHINE_LEARNING}/registries"),
        ("GET", f"{REGISTRY}/models", f"{MACHINE_LEARNING}/registries/models"),
        ("GET", f"{SUBSCRIPTION}/resourceGroups/g", "/subscriptions/s/resourceGroups/g"),
        ("GET", f"{REGION}/history/v1.0/experiments", "/history/v1.0/experiments"),
        ("GET", f"{LOGIN}/oauth2/v2.0/authorize", "/tenant/oauth2/v2.0/authorize"),
    ],
)
def test_an_operation_that_only_azure_ml_has_gets_501(
    client: Client, method: str, url: str, kind: str
) -> None:
    reply = client.send(method, f"{url}?api-version={STABLE}")

    assert reply.status == 501
    if kind:
        message = reply.json["error"]["message"]
        assert message.startswith(f"The emulator does not implement {kind}: {method} {url}.")


@pytest.mark.parametrize(
    "url",
    [
        VERSION,
        f"{WORKSPACE}/environments/pydata",
        f"{WORKSPACE}x/environments",
        f"{MANAGED}x/environments",
        "https://management.azure.com/nothing",
    ],
)
def test_a_missing_resource_gets_404(client: Client, url: str) -> None:
    assert client.get(url, STABLE).status == 404


def test_the_response_to_head_is_the_response_to_get_without_a_body() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE}, STABLE)
        client.put(f"{REGISTRY}/environments/a/versions/1", {"image": IMAGE}, DATAPLANE)
        urls = {
            f"{VERSION}?api-version={STABLE}": 200,
            f"{WORKSPACE}/environments?api-version={STABLE}": 200,
            f"{REGISTRY}/environments/a?api-version={DATAPLANE}": 200,
            f"{REGION}/registrymanagement/v1.0/registries/shared/discovery": 200,
            f"{LOGIN}/v2.0/.well-known/openid-configuration": 200,
            f"{VERSION}2?api-version={STABLE}": 404,
            f"{VERSION}?api-version=1999-01-01": 400,
        }
        for url, status in urls.items():
            head, get = client.send("HEAD", url), client.send("GET", url)
            assert (head.status, head.content, head.headers["content-type"]) == (
                status,
                b"",
                get.headers["content-type"],
            )
            assert int(head.headers["content-length"]) > 0
        client.token = None
        assert client.send("HEAD", f"{VERSION}?api-version={STABLE}").status == 401
