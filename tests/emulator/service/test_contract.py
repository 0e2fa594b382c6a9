"""The OpenAPI of Azure ML allows every response of the emulator and every recorded response.

The client of the tests validates each response. These tests send each kind of request once.
"""

from __future__ import annotations

import pytest

from envsync.emulator.settings import Settings
from tests.emulator.client import DATAPLANE, IMAGE, PREVIEW, REGISTRY, STABLE, WORKSPACE, serving
from tests.emulator.contract import validated
from tests.emulator.recordings import DATA, FILES, sessions

pytestmark = pytest.mark.skipif(
    not DATA.joinpath("contract").exists(),
    reason=f"{DATA} contains no OpenAPI files; set ENVSYNC_TEST_DATA",
)

_ROUTES = ("livenessRoute", "readinessRoute", "scoringRoute")
_ROUTE = {"port": 8080, "path": "/score"}
_VERSIONS: dict[str, dict[str, object]] = {
    "image": {"image": IMAGE, "description": "", "tags": {"a": "b"}, "properties": {"c": "d"}},
    "conda": {"image": IMAGE, "condaFile": "dependencies:\n- python=3.11\n"},
    "build": {"build": {"contextUri": "https://github.com/contoso/images.git#main:py"}},
    "serving": {
        "image": IMAGE,
        "inferenceConfig": dict.fromkeys(_ROUTES, _ROUTE),
    },
    "windows": {"image": IMAGE, "osType": "Windows", "isAnonymous": True},
    "archived": {"image": IMAGE, "isArchived": True, "autoRebuild": "OnBaseImageUpdate"},
}
_BAD: tuple[dict[str, object], ...] = (
    {},
    {"image": IMAGE, "tags": {"a": []}},
    {"image": IMAGE, "isArchived": "yes"},
    {"image": IMAGE, "condaFile": "a: [\n"},
    {"image": IMAGE, "osType": "BeOS"},
)


@pytest.mark.parametrize(
    ("base", "api"), [(WORKSPACE, PREVIEW), (WORKSPACE, STABLE), (REGISTRY, DATAPLANE)]
)
def test_every_response_about_environments_follows_the_api_specification(
    base: str, api: str
) -> None:
    with serving(Settings(page_size=2)) as client:
        for name, properties in _VERSIONS.items():
            container = f"{base}/environments/{name}"
            client.put(f"{container}/versions/1", properties, api)
            client.put(f"{container}/versions/1", {**properties, "description": "New."}, api)
            client.get(f"{container}/versions/1", api)
            client.get(container, api)
            client.put(container, {"tags": {"envsync.owner": "churn"}, "isArchived": True}, api)
            client.get(f"{container}/versions", api, listViewType="All")
            client.get(f"{container}/versions", api, listViewType="All", _top="1")
        for properties in _BAD:
            assert client.put(f"{base}/environments/bad/versions/1", properties, api).status == 400
        assert client.get(f"{base}/environments/absent", api).status == 404
        assert client.get(f"{base}/environments/absent/versions/1", api).status == 404
        page = client.get(f"{base}/environments", api, listViewType="All")
        seen = [item["name"] for item in page.json["value"]]
        while link := page.json.get("nextLink"):
            page = client.get(link)
            seen += [item["name"] for item in page.json["value"]]

    assert set(_VERSIONS) <= set(seen)


@pytest.mark.parametrize("api", [PREVIEW, STABLE])
def test_every_response_about_datastores_follows_the_api_specification(api: str) -> None:
    with serving() as client:
        store = f"{WORKSPACE}/datastores/workspaceblobstore"
        replies = (
            client.get(f"{WORKSPACE}/datastores", api, isDefault="true"),
            client.get(store, api),
            client.post(f"{store}/listSecrets", None, api),
            client.post(f"{store}/listSecrets", {"expirableSecret": True}, api),
            client.get(f"{WORKSPACE}/datastores/other", api),
        )

    assert [reply.status for reply in replies] == [200, 200, 200, 200, 404]


def test_every_response_about_registries_follows_the_api_specification() -> None:
    discovery = "https://eastus.api.azureml.ms/registrymanagement/v1.0/registries/{}/discovery"
    with serving() as client:
        assert client.send("GET", discovery.format("shared")).status == 200
        assert client.send("GET", discovery.format("absent")).status == 404
        reference = f"{REGISTRY}/tempdatarefs/pydata/versions/1?api-version={DATAPLANE}"
        assert client.send("PUT", reference, body={"assetId": "azureml://…"}).status == 200
        client.put(f"{REGISTRY}/environments/pydata/versions/1", {"image": IMAGE}, DATAPLANE)
        assert client.send("PUT", reference, body={"assetId": "azureml://…"}).status == 409


def test_every_recorded_response_follows_the_api_specification() -> None:
    found = [
        validated(
            item.method,
            item.uri,
            status=item.status,
            body=None if item.body == "null" else item.body,
        )
        for file in FILES
        for exchanges in sessions(file).values()
        for item in exchanges
        if "/operations/" not in item.uri
    ]

    # All exchanges of both files except 10 polls of operations, which have no OpenAPI.
    assert found == [True] * (124 + 136)
