"""The rules of the service, tested through its REST resources."""

from __future__ import annotations

import json

import pytest

from envsync.emulator.settings import Settings
from tests.emulator.client import IMAGE, PREVIEW, STABLE, WORKSPACE, Client, serving

CONTAINER = f"{WORKSPACE}/environments/pydata"
VERSION = f"{CONTAINER}/versions/1"
CURATED = f"{WORKSPACE}/environments/AzureML-sklearn-1.0-ubuntu20.04-py38-cpu"


def names(client: Client, url: str, **query: str) -> list[str]:
    """Returns the names on all pages of a list."""
    reply = client.get(url, **query)
    found = [item["name"] for item in reply.json["value"]]
    while link := reply.json.get("nextLink"):
        reply = client.get(link)
        found += [item["name"] for item in reply.json["value"]]
    return found


def test_a_new_version_has_the_defaults_of_the_service() -> None:
    with serving() as client:
        reply = client.put(VERSION, {"image": IMAGE})

        assert (reply.status, reply.json) == (201, client.get(VERSION).json)
        assert reply.properties == {
            "description": None,
            "tags": {},
            "properties": {"azureml.labels": "latest"},
            "isArchived": False,
            "isAnonymous": False,
            "autoDeleteSetting": None,
            "environmentType": "UserCreated",
            "image": IMAGE,
            "condaFile": "",
            "osType": "Linux",
            "autoRebuild": "Disabled",
            "provisioningState": "Succeeded",
            "stage": "Development",
            "intellectualProperty": None,
        }


def test_older_and_stable_api_versions_return_fewer_keys() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE})
        keys = {api: set(client.get(VERSION, api).properties) for api in (PREVIEW, STABLE)}
        old = set(client.get(VERSION, "2022-05-01").properties)

    assert keys[PREVIEW] - keys[STABLE] == {"autoDeleteSetting", "intellectualProperty"}
    assert keys[STABLE] - old == {"autoRebuild", "provisioningState", "stage"}


def test_a_conda_file_is_returned_as_json_with_its_order_of_keys() -> None:
    conda = "name: x\nchannels: [b, a]\ndependencies:\n- python=3.11\n- pip:\n  - a==1\n"
    meaning = {
        "name": "x",
        "channels": ["b", "a"],
        "dependencies": ["python=3.11", {"pip": ["a==1"]}],
    }
    with serving() as client:
        reply = client.put(VERSION, {"image": IMAGE, "condaFile": conda})
        rewritten = reply.properties["condaFile"]
        again = client.put(VERSION, {"image": IMAGE, "condaFile": rewritten})
        reordered = json.dumps(dict(sorted(meaning.items())))
        other = client.put(VERSION, {"image": IMAGE, "condaFile": reordered})

        assert rewritten == json.dumps(meaning, indent=2)
        # The order of keys is not part of the spec, so both requests are updates.
        assert (again.status, other.status) == (201, 201)
        assert client.get(VERSION).properties["condaFile"] == rewritten


@pytest.mark.parametrize(
    "change",
    [
        {"image": "contoso.example/other:1"},
        {"condaFile": "dependencies: [python=3.12]\n"},
        {"osType": "Windows"},
        {"isAnonymous": True},
        {"autoRebuild": "OnBaseImageUpdate"},
        {"image": None, "build": {"contextUri": "https://contoso.example/context/"}},
    ],
    ids=["image", "conda", "os", "anonymous", "rebuild", "build"],
)
def test_the_fixed_part_of_a_version_cannot_change(change: dict[str, object]) -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE, "condaFile": "dependencies: [python=3.11]\n"})
        before = client.get(VERSION).json

        assert client.put(VERSION, {**before["properties"], **change}).status == 409
        assert client.get(VERSION).json == before


def test_a_version_can_be_sent_back_unchanged() -> None:
    build = {"contextUri": "https://contoso.example/LocalUpload/0/context/"}
    with serving() as client:
        for number, properties in enumerate(
            ({"image": IMAGE, "tags": {"a": "1"}, "properties": {"b": "2"}}, {"build": build})
        ):
            address = f"{CONTAINER}/versions/{number}"
            before = client.put(address, properties).json
            reply = client.put(address, before["properties"])

            assert (reply.status, reply.json) == (201, before)


def test_a_stage_that_is_sent_back_restores_the_version() -> None:
    """According to the OpenAPI (`AssetBase`), a stage in a request determines `isArchived`."""
    with serving() as client:
        came = client.put(VERSION, {"image": IMAGE}).properties
        naive = client.put(VERSION, {**came, "isArchived": True}).properties
        del came["stage"]
        careful = client.put(VERSION, {**came, "isArchived": True}).properties

    assert (naive["isArchived"], careful["isArchived"]) == (False, True)


def test_properties_and_stage_can_be_changed() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE, "properties": {"a": "1"}})
        client.put(VERSION, {"image": IMAGE, "properties": {"b": "2"}, "stage": "Production"})
        found = client.get(VERSION).properties

    assert found["properties"] == {"b": "2", "azureml.labels": "latest"}
    assert found["stage"] == "Production"


def test_a_client_cannot_write_labels() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE, "properties": {"azureml.labels": "mine"}})
        client.put(f"{CONTAINER}/versions/2", {"image": IMAGE})
        found = client.get(f"{CONTAINER}/versions").json["value"]

    labels = {item["name"]: item["properties"]["properties"] for item in found}
    assert labels == {"2": {"azureml.labels": "latest"}, "1": {"azureml.labels": ""}}


# If the newest version is not a number, `nextVersion` is 1, even if version 1 exists (recorded).
@pytest.mark.parametrize(
    ("versions", "latest", "following"),
    [
        (("1", "2"), "2", "3"),
        (("1", "bar"), "bar", "1"),
        (("7", "2"), "2", "8"),
        (("20250109.v2",), "20250109.v2", "1"),
    ],
)
def test_the_next_version_follows_the_highest_number(
    versions: tuple[str, ...], latest: str, following: str
) -> None:
    with serving() as client:
        for version in versions:
            client.put(f"{CONTAINER}/versions/{version}", {"image": IMAGE})
        found = client.get(CONTAINER).properties

    assert (found["latestVersion"], found["nextVersion"]) == (latest, following)


def test_a_new_version_in_an_archived_container_is_archived() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE})
        client.put(CONTAINER, {"isArchived": True})
        born = client.put(f"{CONTAINER}/versions/2", {"image": IMAGE, "isArchived": False})
        client.put(CONTAINER, {"isArchived": False})

        assert born.properties["isArchived"] is True
        assert names(client, f"{CONTAINER}/versions") == ["1"]
        assert names(client, f"{CONTAINER}/versions", listViewType="ArchivedOnly") == ["2"]


def test_a_version_of_an_archived_container_cannot_be_restored() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE, "isArchived": True})
        client.put(CONTAINER, {"isArchived": True})
        reply = client.put(VERSION, {"image": IMAGE, "isArchived": False})

        assert (reply.status, reply.json["error"]["code"]) == (400, "UserError")
        assert client.get(VERSION).properties["isArchived"] is True


def test_the_latest_version_is_the_active_version_created_last() -> None:
    with serving() as client:
        for version in ("10", "9", "foo"):
            client.put(f"{CONTAINER}/versions/{version}", {"image": IMAGE})
        # An update does not make version 10 the newest.
        client.put(f"{CONTAINER}/versions/10", {"image": IMAGE, "description": "New."})
        client.put(f"{CONTAINER}/versions/foo", {"image": IMAGE, "isArchived": True})

        assert client.get(CONTAINER).properties["latestVersion"] == "9"
        assert names(client, f"{CONTAINER}/versions", _top="1", _orderBy="createdtime desc") == [
            "9"
        ]
        assert names(client, f"{CONTAINER}/versions", listViewType="All") == ["foo", "9", "10"]
        assert names(
            client, f"{CONTAINER}/versions", listViewType="All", _orderBy="createdtime asc"
        ) == ["10", "9", "foo"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_contain_each_item_once(size: int) -> None:
    with serving(Settings(page_size=size)) as client:
        for number in range(5):
            client.put(f"{WORKSPACE}/environments/e{number}/versions/1", {"image": IMAGE})
            client.put(f"{CONTAINER}/versions/{number}", {"image": IMAGE})

        own = [name for name in names(client, f"{WORKSPACE}/environments") if name[0] in "ep"]
        # Newest first: `pydata` was created after `e0` and before `e1`.
        assert own == ["e4", "e3", "e2", "e1", "pydata", "e0"]
        assert names(client, f"{CONTAINER}/versions") == ["4", "3", "2", "1", "0"]
        assert names(client, f"{CONTAINER}/versions", _top="3") == ["4", "3", "2"]


def test_a_next_link_works_with_special_characters_in_the_resource_group() -> None:
    base = WORKSPACE.replace("ml-dev", "ml (dév)")
    with serving(Settings(page_size=1)) as client:
        page = client.get(f"{base}/environments")
        reply = client.put(f"{base}/environments/pydata/versions/1", {"image": IMAGE})

        assert "/resourceGroups/ml%20%28d%C3%A9v%29/" in page.json["nextLink"]
        assert "/resourceGroups/ml%20%28d%C3%A9v%29/" in reply.headers["location"]
        assert client.get(page.json["nextLink"]).status == 200


def test_a_tag_with_the_value_null_is_not_stored() -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE, "tags": {"a": None, "b": ""}})

        assert client.get(VERSION).properties["tags"] == {"b": ""}


@pytest.mark.parametrize(
    ("view", "expected"),
    [("ActiveOnly", ["active"]), ("ArchivedOnly", ["archived"]), ("All", ["archived", "active"])],
)
def test_the_view_of_a_list_selects_by_archived_state(view: str, expected: list[str]) -> None:
    with serving() as client:
        for name in ("active", "archived"):
            client.put(f"{WORKSPACE}/environments/{name}/versions/1", {"image": IMAGE})
        client.put(f"{WORKSPACE}/environments/archived", {"isArchived": True})

        found = names(client, f"{WORKSPACE}/environments", listViewType=view)
        assert [name for name in found if not name.startswith("AzureML")] == expected


@pytest.mark.parametrize(
    "query", [{"listViewType": "Some"}, {"_orderBy": "name"}, {"_top": "x"}, {"_skip": "-1"}]
)
def test_an_invalid_query_parameter_is_refused(query: dict[str, str]) -> None:
    with serving() as client:
        client.put(VERSION, {"image": IMAGE})

        assert client.get(f"{CONTAINER}/versions", **query).status == 400


def test_a_curated_environment_cannot_change() -> None:
    with serving() as client:
        before = client.get(f"{CURATED}/versions/1").json
        changed = {**before["properties"], "description": "Mine."}
        statuses = [
            client.put(f"{CURATED}/versions/1", changed).status,
            client.put(f"{CURATED}/versions/2", {"image": IMAGE}).status,
            client.put(CURATED, {"isArchived": True}).status,
            client.put(
                # The reserved prefixes ignore case.
                f"{WORKSPACE}/environments/azureml-mine/versions/1",
                {"image": IMAGE},
            ).status,
            client.put(f"{WORKSPACE}/environments/Microsoft.mine", {}).status,
        ]

        assert statuses == [400] * 5
        assert before["properties"]["environmentType"] == "Curated"
        assert client.get(f"{CURATED}/versions/1").json == before


def test_environment_names_are_case_sensitive_and_workspace_names_are_not() -> None:
    with serving(Settings()) as client:
        client.put(VERSION, {"image": IMAGE})
        upper = VERSION.replace("ws-dev", "WS-DEV").replace("resourceGroups", "resourcegroups")

        assert client.get(upper).status == 200
        assert client.get(VERSION.replace("pydata", "PyData")).status == 404
        assert client.get(VERSION.replace("ws-dev", "ws-prod")).status == 404


def test_listing_secrets_returns_the_key_of_the_datastore_or_on_request_a_signature() -> None:
    settings = Settings()
    store = f"{WORKSPACE}/datastores/workspaceblobstore"
    with serving(settings) as client:
        found = client.get(store).properties
        key = client.post(f"{store}/listSecrets").json
        sas = client.post(
            f"{store}/listSecrets", {"expirableSecret": True, "expireAfterHours": 1}
        ).json
        wrong = client.post(
            f"{store}/listSecrets", {"expirableSecret": True, "expireAfterHours": "x"}
        )

    assert found["containerName"] == settings.blob_container("ws-dev")
    assert key == {"secretsType": "AccountKey", "key": settings.blob_key}
    assert sas["secretsType"] == "Sas"
    assert {"sig", "se", "sp"} <= {part.partition("=")[0] for part in sas["sasToken"].split("&")}
    assert wrong.status == 400


def test_the_resource_of_a_workspace_contains_its_location() -> None:
    with serving() as client:
        found = client.get(WORKSPACE).json
        absent = client.get(WORKSPACE.replace("ws-dev", "absent"))

    assert (found["name"], found["location"]) == ("ws-dev", "eastus")
    assert (absent.status, absent.json["error"]["code"]) == (404, "ResourceNotFound")
