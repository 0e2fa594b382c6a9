"""Deletion, publishing, and registries on the resource manager's host."""

from __future__ import annotations

import pytest

from envsync.emulator.settings import Settings
from tests.emulator.client import (
    DATAPLANE,
    IMAGE,
    PREVIEW,
    REGISTRY,
    STABLE,
    WORKSPACE,
    Client,
    serving,
)

MANAGED = WORKSPACE.replace("workspaces/ws-dev", "registries/shared")
CURATED = f"{WORKSPACE}/environments/AzureML-sklearn-1.0-ubuntu20.04-py38-cpu"


def delete(client: Client, url: str, api: str) -> int:
    return client.send("DELETE", f"{url}?api-version={api}").status


@pytest.mark.parametrize(
    ("base", "api"), [(WORKSPACE, PREVIEW), (WORKSPACE, STABLE), (REGISTRY, DATAPLANE)]
)
def test_a_deleted_environment_does_not_exist(base: str, api: str) -> None:
    container = f"{base}/environments/pydata"
    with serving() as client:
        for version in ("1", "2"):
            client.put(f"{container}/versions/{version}", {"image": IMAGE}, api)
        first = [delete(client, f"{container}/versions/1", api) for _ in range(2)]
        left = [item["name"] for item in client.get(f"{container}/versions", api).json["value"]]
        gone = client.get(f"{container}/versions/1", api).status
        second = [delete(client, container, api) for _ in range(2)]

        # A repeated delete gets 204: there is nothing to delete.
        assert (first, left, gone) == ([200, 204], ["2"], 404)
        assert second == [200, 204]
        assert client.get(container, api).status == 404


def test_a_curated_environment_cannot_be_deleted() -> None:
    with serving() as client:
        assert delete(client, CURATED, STABLE) == 400
        assert delete(client, f"{CURATED}/versions/1", STABLE) == 400
        assert client.get(CURATED, STABLE).status == 200


def test_the_reader_role_cannot_delete() -> None:
    with serving(Settings(reader_secret="reads")) as client:
        client.log_in("reads")
        reply = client.send("DELETE", f"{WORKSPACE}/environments/a?api-version={STABLE}")

    assert reply.status == 403
    assert (
        "Microsoft.MachineLearningServices/workspaces/environments/delete"
        in (reply.json["error"]["message"])
    )


@pytest.mark.parametrize("api", [PREVIEW, STABLE])
def test_both_hosts_serve_the_same_environments_of_a_registry(api: str) -> None:
    with serving() as client:
        put = client.put(f"{MANAGED}/environments/pydata/versions/1", {"image": IMAGE}, api)
        again = client.put(f"{MANAGED}/environments/pydata/versions/1", {"image": IMAGE}, api)
        own = client.get(f"{REGISTRY}/environments/pydata/versions/1", DATAPLANE)
        container = client.get(f"{MANAGED}/environments/pydata", api)
        described = client.put(f"{MANAGED}/environments/pydata", {"description": "New."}, api)
        listed = client.get(f"{MANAGED}/environments", api)
        versions = client.get(f"{MANAGED}/environments/pydata/versions", api)

    path = MANAGED.removeprefix("https://management.azure.com")
    assert (put.status, again.status, own.status) == (201, 200, 200)
    assert own.properties["image"] == put.properties["image"] == IMAGE
    assert (own.json["id"], put.json["id"]) == (
        "azureml://registries/shared/environments/pydata/versions/1",
        f"{path}/environments/pydata/versions/1",
    )
    assert container.json["id"] == f"{path}/environments/pydata"
    assert container.json["type"] == "Microsoft.MachineLearningServices/registries/environments"
    assert (described.status, described.properties["description"]) == (200, "New.")
    assert [item["name"] for item in listed.json["value"]] == ["pydata"]
    assert [item["name"] for item in versions.json["value"]] == ["1"]


def test_a_put_of_a_new_version_starts_an_operation() -> None:
    with serving(Settings(operation_polls=1)) as client:
        put = client.put(f"{MANAGED}/environments/pydata/versions/1", {"image": IMAGE}, STABLE)
        address = put.headers["azure-asyncoperation"]
        states = [client.send("GET", address).json["status"] for _ in range(2)]

    # One hour (recorded).
    assert put.headers["x-ms-async-operation-timeout"] == "PT1H"
    assert states == ["InProgress", "Succeeded"]


@pytest.mark.parametrize("path", ["pydata", "pydata/versions/1"])
def test_a_delete_starts_an_operation(path: str) -> None:
    url = f"{MANAGED}/environments/{path}?api-version={STABLE}"
    with serving(Settings(operation_polls=1)) as client:
        client.put(f"{MANAGED}/environments/pydata/versions/1", {"image": IMAGE}, STABLE)
        accepted = client.send("DELETE", url)
        statuses = [client.send("GET", accepted.headers["location"]).status for _ in range(2)]
        absent = client.send("DELETE", url)
        found = client.send("GET", url)

    assert (accepted.status, statuses) == (202, [202, 200])
    assert (absent.status, found.status) == (204, 404)


def publish(client: Client, body: object, name: str = "pydata") -> int:
    url = f"{WORKSPACE}/environments/{name}/versions/1/publish"
    reply = client.post(url, body, STABLE)
    if reply.status == 202:
        assert client.send("GET", reply.headers["location"]).status == 200
    return reply.status


def test_a_version_is_published_to_a_registry() -> None:
    with serving(Settings(operation_polls=0)) as client:
        client.put(f"{WORKSPACE}/environments/pydata/versions/1", {"image": IMAGE}, STABLE)
        renamed = {"destinationName": "shared-one", "destinationVersion": "7"}
        assert publish(client, {"registryName": "shared"}) == 202
        assert publish(client, {"registryName": "Shared", **renamed}) == 202
        urls = [
            f"{MANAGED}/environments/{key}"
            for key in ("pydata/versions/1", "shared-one/versions/7")
        ]

        assert [client.get(url, STABLE).properties["image"] for url in urls] == [IMAGE, IMAGE]


def test_an_invalid_request_to_publish_is_refused() -> None:
    with serving() as client:
        client.put(f"{WORKSPACE}/environments/pydata/versions/1", {"image": IMAGE}, STABLE)

        assert publish(client, None) == 400
        assert publish(client, {"registryName": "absent"}) == 404
        assert publish(client, {"registryName": "shared"}, "absent") == 404


def test_one_subscription_is_listed_and_every_subscription_exists() -> None:
    manager, api = "https://management.azure.com", "2022-12-01"
    with serving() as client:
        listed = client.get(f"{manager}/subscriptions", api).json["value"]
        other = client.get(f"{manager}/subscriptions/other", api).json
        tenants = client.get(f"{manager}/tenants", api).json["value"]

    # The ids are constants of the emulator, because scripts and recorded output contain them.
    assert [item["subscriptionId"] for item in listed] == ["00000000-0000-4000-8000-656e7673796e"]
    assert (other["subscriptionId"], other["state"]) == ("other", "Enabled")
    assert {item["tenantId"] for item in (*listed, other, *tenants)} == {
        "72f988bf-0000-4000-8000-656e7673796e"
    }
