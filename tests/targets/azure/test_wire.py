"""Translation of the service's JSON to envsync's values, and back."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("azure.core", reason="azure-core is not installed")

from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import (
    Build,
    BuildContext,
    EnvironmentSpec,
    InferenceConfig,
    Metadata,
    Route,
    UploadHash,
)
from envsync.model.provenance import Provenance
from envsync.model.state import Modification
from envsync.targets.azure.owners import owners, with_owner
from envsync.targets.azure.wire import Resource, body, creation_order, registered, resource
from tests.emulator.recordings import FILES, sessions
from tests.targets.contract import IMAGE

UPLOADS = "https://account.blob.core.windows.net/store/LocalUpload"
DIGEST = "sha256:" + "0" * 64


def version(**properties: JSON) -> Resource:
    return Resource("1", {"image": IMAGE, **properties})


def spec(item: Resource) -> EnvironmentSpec:
    return registered("pydata", item).environment.spec


def answers() -> list[tuple[Any, Any]]:
    """Returns the request body and the response body of each recorded PUT of an environment."""
    return [
        (exchange.request, exchange.body)
        for file in FILES
        for exchanges in sessions(file).values()
        for exchange in exchanges
        if exchange.method == "PUT" and exchange.status == 201 and "/environments/" in exchange.uri
    ]


def test_a_recorded_request_and_its_response_have_the_same_spec() -> None:
    pairs = [
        (Resource("1", sent["properties"]), resource(received)) for sent, received in answers()
    ]

    # Check the number of pairs, because the next assertion would also pass for an empty list.
    assert len(pairs) > 150
    assert [spec(sent) for sent, _ in pairs] == [spec(received) for _, received in pairs]


def test_recorded_responses_show_no_write_after_the_creation() -> None:
    found = [resource(received) for _, received in answers()]

    assert {item.modified for item in found} == {None}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"lastModifiedAt": "2026-01-02T00:00:00.1234567+00:00", "lastModifiedBy": "Ada"},
            Modification("Ada", "2026-01-02T00:00:00.1234567+00:00"),
        ),
        ({"lastModifiedAt": "2026-01-01T00:00:01+00:00", "lastModifiedBy": "Ada"}, None),
        ({"lastModifiedAt": "2026-01-02T00:00:00Z", "lastModifiedBy": ""}, None),
        ({"lastModifiedAt": "yesterday", "lastModifiedBy": "Ada"}, None),
        ({"lastModifiedAt": 7, "lastModifiedBy": ["Ada"]}, None),
        ({}, None),
    ],
    ids=["later", "right after the creation", "nobody", "no time", "other types", "nothing"],
)
def test_only_a_write_after_the_creation_is_a_modification(
    data: dict[str, JSON], expected: Modification | None
) -> None:
    system: JSON = {"createdAt": "2026-01-01T00:00:00.7Z", "createdBy": "Bob", **data}
    item = resource({"name": "1", "properties": {"image": IMAGE}, "systemData": system})

    assert item.modified == expected
    assert registered("pydata", item).modified == expected


def test_fields_with_default_values_are_read_as_unset() -> None:
    defaults: dict[str, JSON] = {
        "condaFile": "",
        "build": None,
        "osType": "Linux",
        "inferenceConfig": None,
        "stage": "Development",
        "autoRebuild": "Disabled",
        "description": None,
        "tags": None,
        "properties": {},
    }

    held = registered("pydata", version(**defaults)).environment

    assert held.spec == EnvironmentSpec(image=IMAGE)
    assert (held.metadata, held.provenance) == (Metadata(), Provenance())


def test_an_empty_string_is_read_as_none() -> None:
    empty = version(image="", condaFile="", description="", build={"contextUri": ""})

    assert registered("pydata", empty).environment.spec == EnvironmentSpec()
    assert (empty.description, empty.context_uri) == (None, None)


@pytest.mark.parametrize("text", ['{\n  "b": [\n    1\n  ],\n  "a": "x"\n}', "b: [1]\na: x\n"])
def test_a_conda_file_is_compared_by_its_meaning(text: str) -> None:
    assert spec(version(condaFile=text)).conda_file == '{"a":"x","b":[1]}'


def test_an_invalid_conda_file_is_kept_as_text() -> None:
    assert spec(version(condaFile="{: -")).conda_file == canonical_json("{: -")


def test_an_empty_dockerfile_path_is_the_default() -> None:
    uri = "https://contoso.example/c.tar"

    assert spec(version(image=None, build={"contextUri": uri, "dockerfilePath": None})) == (
        EnvironmentSpec(build=Build(uri, "Dockerfile"))
    )


# The URL of an upload contains `LocalUpload`, the hash of the content, and the name of the
# directory.
@pytest.mark.parametrize(("kind", "digits"), [("sha256", 64), ("md5", 32)])
def test_the_hash_of_an_upload_is_read_from_its_address(kind: UploadHash, digits: int) -> None:
    uri = f"{UPLOADS}/{'a' * digits}/docker/"

    build = spec(version(image=None, build={"contextUri": uri})).build

    assert build is not None
    assert isinstance(build.context, BuildContext)
    assert build.context.digest is None
    assert build.context.uploads == {kind: {"a" * digits}}


def test_a_declared_url_in_the_form_of_an_upload_is_recognised_by_its_digest() -> None:
    declared = EnvironmentSpec(build=Build(f"{UPLOADS}/{'a' * 64}/docker/"))
    tags: JSON = {"envsync.digest": declared.digest}
    build: JSON = {"contextUri": f"{UPLOADS}/{'a' * 64}/docker/"}

    assert spec(version(image=None, build=build, tags=tags)) == declared


def test_an_upload_to_a_registry_has_unknown_content() -> None:
    uri = "https://account.blob.core.windows.net/shared-0a1b/"

    owned = spec(version(image=None, build={"contextUri": uri}, tags={"envsync.digest": DIGEST}))
    unowned = spec(version(image=None, build={"contextUri": uri}))

    expected = EnvironmentSpec(build=Build(BuildContext(None)))
    assert (owned, unowned) == (expected, expected)


def test_only_an_uploaded_context_has_a_context_uri() -> None:
    upload: JSON = {"contextUri": f"{UPLOADS}/{'a' * 64}/docker/"}
    declared: JSON = {"contextUri": "https://contoso.example/c.tar"}

    assert (
        registered("pydata", version(build=upload)).context_uri == f"{UPLOADS}/{'a' * 64}/docker/"
    )
    assert registered("pydata", version(build=declared)).context_uri is None
    assert registered("pydata", version()).context_uri is None


def test_a_registered_local_path_is_not_an_upload() -> None:
    # azure-ai-ml registers a local path if it cannot upload (see test_registry.py).
    path = "/home/ada/project/docker"
    tags: JSON = {"envsync.digest": DIGEST}

    assert spec(version(image=None, build={"contextUri": path}, tags=tags)) == EnvironmentSpec(
        build=Build(path)
    )


def test_the_routes_of_an_inference_config_are_read() -> None:
    routes: JSON = {
        "livenessRoute": {"path": "/live", "port": 80},
        "readinessRoute": {"path": "/ready", "port": 81},
        "scoringRoute": {"path": "/score", "port": 82},
    }

    assert spec(version(inferenceConfig=routes)).inference_config == InferenceConfig(
        Route("/live", 80), Route("/ready", 81), Route("/score", 82)
    )


@pytest.mark.parametrize(("type_", "curated"), [("Curated", True), ("UserCreated", False)])
def test_a_version_is_curated_if_its_type_is_curated(type_: str, curated: bool) -> None:
    assert registered("sklearn-1.5", version(environmentType=type_)).curated is curated


def test_the_creation_order_uses_all_seven_digits_of_the_time() -> None:
    # The service writes seven digits of a second, but Python's datetime has only six digits.
    times = [
        "2023-03-09T00:36:03.7890706+00:00",
        "2023-03-09T00:36:03.7890707+00:00",
        "2023-03-09T00:36:03.79+00:00",
        "2023-03-09T00:36:04Z",
        "2023-03-09T01:36:04.5+01:00",
        "2023-03-09T00:36:05",
    ]
    items = [Resource(str(number), {}, created) for number, created in enumerate(times)]
    shuffled = [*items[3:], *items[2::-1]]

    assert sorted(shuffled, key=creation_order) == items


def test_a_change_sends_back_all_fields_that_clients_may_set() -> None:
    item = version(
        condaFile="{}",
        description="Old.",
        tags={"goes": "1"},
        isArchived=True,
        isAnonymous=False,
        autoRebuild="Disabled",
        intellectualProperty=None,
        stage="Development",
        environmentType="UserCreated",
        provisioningState="Succeeded",
        properties={"a": "b"},
    )

    assert body(item, description=None, tags={}, archived=True) == {
        "properties": {
            "image": IMAGE,
            "condaFile": "{}",
            "isAnonymous": False,
            "autoRebuild": "Disabled",
            "properties": {"a": "b"},
            "description": "",
            "tags": {},
            "isArchived": True,
        }
    }


def test_an_unset_description_is_not_sent() -> None:
    sent = body(version(description=None), description=None, tags={}, archived=False)

    assert sent == {"properties": {"image": IMAGE, "tags": {}, "isArchived": False}}


@pytest.mark.parametrize("data", [None, [], {}, {"name": "1"}, {"name": 1, "properties": {}}])
def test_data_that_is_not_a_resource_is_refused(data: JSON) -> None:
    with pytest.raises(ValueError, match="not a resource"):
        resource(data)


def test_the_tags_of_a_container_contain_every_owner() -> None:
    tags = with_owner(with_owner(with_owner({"team": "a"}, "one"), "two"), "one")

    assert tags == {"team": "a", "envsync.owner": "one", "envsync.owner.2": "two"}
    assert owners(tags) == {"one", "two"}


def test_tags_with_similar_keys_are_not_owner_tags() -> None:
    assert owners({"envsync.owner.": "a", "envsync.owners": "b", "envsync.digest": "c"}) == set()


def test_tags_sent_as_numbers_become_text() -> None:
    tags: JSON = {"a": 1, "b": 1.5, "c": True, "d": None, "e": "01"}

    assert Resource("1", {"tags": tags}).tags == {
        "a": "1",
        "b": "1.5",
        "c": "true",
        "d": "",
        "e": "01",
    }


@pytest.mark.parametrize(
    ("properties", "archived"),
    [
        ({"isArchived": False, "stage": "Archived"}, True),
        ({"isArchived": True, "stage": "Development"}, True),
        ({"isArchived": False, "stage": "Development"}, False),
        ({"isArchived": True}, True),
        ({}, False),
    ],
)
def test_a_version_is_archived_by_its_flag_or_its_stage(
    properties: dict[str, JSON], archived: bool
) -> None:
    assert Resource("1", properties).archived == archived


def test_fields_that_a_file_cannot_declare_are_kept_with_the_version() -> None:
    properties: dict[str, JSON] = {
        "properties": {"team": "a", "azureml.labels": "latest"},
        "autoRebuild": "OnBaseImageUpdate",
        "stage": "Production",
        "isAnonymous": True,
        "intellectualProperty": {"publisher": "a"},
        "somethingNew": [1],
    }
    found = registered("pydata", version(**properties)).extra

    assert found == {
        "autoRebuild": "OnBaseImageUpdate",
        "stage": "Production",
        "isAnonymous": True,
        "intellectualProperty": {"publisher": "a"},
        "somethingNew": [1],
        "properties.team": "a",
    }


def test_an_inference_configuration_without_all_routes_cannot_be_declared() -> None:
    route: JSON = {"port": 80, "path": "/"}
    names = ("livenessRoute", "readinessRoute", "scoringRoute")
    whole: JSON = dict.fromkeys(names, route)
    part: JSON = {"livenessRoute": route, "readinessRoute": None}

    assert registered("pydata", version(inferenceConfig=whole)).extra == {}
    assert registered("pydata", version(inferenceConfig={})).extra == {}
    assert registered("pydata", version(inferenceConfig=part)).extra == {"inferenceConfig": part}


def test_recorded_versions_have_only_fields_that_a_file_can_declare() -> None:
    items = [registered("pydata", resource(received)) for _, received in answers()]
    # Jobs define many of the recorded versions inline, and a file cannot declare those.
    importable = [item for item in items if not item.extra.get("isAnonymous")]

    assert len(importable) > 40
    assert [item.extra for item in importable if not item.archived and item.extra] == []
