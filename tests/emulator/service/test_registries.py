"""Registries: discovery, long-running operations, uploads and imports."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from envsync.emulator.settings import Settings
from tests.emulator.client import DATAPLANE, IMAGE, REGISTRY, WORKSPACE, Client, serving

DISCOVERY = "https://eastus.api.azureml.ms/registrymanagement/v1.0/registries/{}/discovery"
VERSION = f"{REGISTRY}/environments/pydata/versions/1"
REFERENCE = f"{REGISTRY}/tempdatarefs/pydata/versions/1?api-version={DATAPLANE}"


def asset_id(client: Client, name: str) -> str:
    """Returns the id of a version in the workspace, as an import needs it."""
    workspace = client.get(WORKSPACE).properties["workspaceId"]
    return f"azureml://locations/eastus/workspaces/{workspace}/environments/{name}/versions/1"


def imported(client: Client, source: str) -> int:
    """Imports a version under another name and version number, and returns the status."""
    properties = {
        "referenceType": "Id",
        "destinationName": "shared-pydata",
        "destinationVersion": "7",
        "sourceAssetId": source,
    }
    return client.post(f"{REGISTRY}/import", {"properties": properties}, DATAPLANE).status


def test_discovery_returns_the_host_of_a_registry() -> None:
    with serving() as client:
        found = client.send("GET", DISCOVERY.format("SHARED"))
        absent = client.send("GET", DISCOVERY.format("absent"))

    assert (found.status, found.json["registryName"]) == (200, "shared")
    place = urlsplit(found.json["primaryRegionResourceProviderUri"])
    assert (place.netloc, place.path) == (urlsplit(REGISTRY).netloc, "/")
    assert absent.status == 404


@pytest.mark.parametrize("polls", [0, 1, 3])
def test_an_operation_is_done_after_the_configured_polls(polls: int) -> None:
    with serving(Settings(operation_polls=polls, retry_after=2)) as client:
        put = client.put(VERSION, {"image": IMAGE}, DATAPLANE)
        replies = [client.send("GET", put.headers["location"]) for _ in range(polls + 1)]

    # The body of the response to the PUT is the JSON text `null` (recorded).
    assert (put.status, put.content, put.headers["retry-after"]) == (202, b"null", "2")
    assert [(reply.status, reply.content) for reply in replies] == [(202, b"")] * polls + [
        (200, b"")
    ]


@pytest.mark.parametrize(
    ("seconds", "headers"),
    # `Retry-After` has whole seconds only.
    [(2.0, {"retry-after": "2"}), (0.05, {"retry-after-ms": "50"})],
)
def test_a_wait_of_less_than_a_second_is_sent_in_milliseconds(
    seconds: float, headers: dict[str, str]
) -> None:
    with serving(Settings(retry_after=seconds)) as client:
        put = client.put(VERSION, {"image": IMAGE}, DATAPLANE)
        poll = client.send("GET", put.headers["location"])

    for reply in (put, poll):
        told = {name: text for name, text in reply.headers.items() if "retry" in name.lower()}
        assert told == headers


def test_an_unknown_operation_gets_404() -> None:
    with serving() as client:
        url = "https://eastus.api.azureml.ms/environment/v1.0/operations/shared_a_1_1"

        assert client.send("GET", url).status == 404


def test_ids_contain_the_registry_in_lower_case() -> None:
    with serving(Settings(registries=("Contoso-ML",))) as client:
        address = VERSION.replace("/shared/", "/Contoso-ML/")
        client.put(address, {"image": IMAGE}, DATAPLANE)

        assert client.get(address, DATAPLANE).json["id"] == (
            "azureml://registries/contoso-ml/environments/pydata/versions/1"
        )


def test_each_new_version_has_its_own_container_for_uploads() -> None:
    made: list[str] = []
    with serving(make_container=made.append) as client:
        replies = [
            client.send("PUT", REFERENCE.replace("versions/1", f"versions/{number}"), body={})
            for number in (1, 2)
        ]

    references = [reply.json["blobReferenceForConsumption"] for reply in replies]
    places = [reference["blobUri"].rpartition("/")[2] for reference in references]
    assert places == made
    assert len(set(made)) == 2
    assert f"/{made[0]}?sv=" in references[0]["credential"]["sasUri"]


def test_an_upload_for_an_existing_version_is_refused() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE}, DATAPLANE)

        assert client.send("PUT", REFERENCE, body={}).status == 409


def test_a_version_is_imported_from_a_workspace() -> None:
    with serving() as client:
        source = {"image": IMAGE, "description": "Data science.", "tags": {"a": "1"}}
        client.put(f"{WORKSPACE}/environments/pydata/versions/1", source)
        status = imported(client, asset_id(client, "pydata"))
        found = client.get(f"{REGISTRY}/environments/shared-pydata/versions/7", DATAPLANE)

        assert (status, found.status) == (202, 200)
        assert source.items() <= found.properties.items()


@pytest.mark.parametrize(("source", "status"), [("absent", 404), ("nonsense", 400)])
def test_an_unknown_source_is_not_imported(source: str, status: int) -> None:
    with serving() as client:
        given = asset_id(client, source) if source == "absent" else source

        assert imported(client, given) == status


def test_an_unknown_registry_gets_404() -> None:
    with serving() as client:
        reply = client.get(VERSION.replace("/shared/", "/absent/"), DATAPLANE)

    assert (reply.status, reply.json["error"]["code"]) == (404, "ResourceNotFound")


def test_a_registry_contains_no_curated_environments() -> None:
    with serving() as client:
        assert client.get(f"{REGISTRY}/environments", DATAPLANE).json == {"value": []}
