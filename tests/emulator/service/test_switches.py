"""Tests every value of each setting that selects how the emulator behaves in an unknown case."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from envsync.emulator.settings import Settings
from tests.emulator.client import DATAPLANE, IMAGE, REGISTRY, WORKSPACE, Client, serving

CONTAINER = f"{WORKSPACE}/environments/pydata"
VERSION = f"{CONTAINER}/versions/1"


# One workspace, because each workspace takes time.
switched = functools.partial(Settings, workspaces=("ws-dev",))


def archived(client: Client) -> dict[str | None, bool]:
    """Returns `isArchived` by version. The value of the key None is True if the list of active
    containers lacks the name.
    """
    versions = client.get(f"{CONTAINER}/versions", listViewType="All").json["value"]
    active = client.get(f"{WORKSPACE}/environments").json["value"]
    return {
        None: "pydata" not in {item["name"] for item in active},
        **{item["name"]: item["properties"]["isArchived"] for item in versions},
    }


@pytest.mark.parametrize(
    ("settings", "tags"),
    [(switched(tags="replace"), {"b": "2"}), (switched(tags="merge"), {"a": "1", "b": "2"})],
    ids=["replace", "merge"],
)
@pytest.mark.parametrize("address", [VERSION, CONTAINER], ids=["version", "container"])
def test_the_setting_tags_decides_whether_a_put_replaces_or_merges_tags(
    settings: Settings, tags: dict[str, str], address: str
) -> None:
    with serving(settings) as client:
        client.put(address, {"image": IMAGE, "tags": {"a": "1"}})
        reply = client.put(address, {"image": IMAGE, "tags": {"b": "2"}})

        assert reply.properties["tags"] == tags
        assert client.get(address).properties["tags"] == tags


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (switched(omitted="clear"), (None, {})),
        (switched(omitted="keep"), ("Data science.", {"a": "1"})),
    ],
    ids=["clear", "keep"],
)
@pytest.mark.parametrize("address", [VERSION, CONTAINER], ids=["version", "container"])
@pytest.mark.parametrize("left_out", [{}, {"description": None, "tags": None}])
def test_the_setting_omitted_decides_whether_omitted_values_are_kept_or_cleared(
    settings: Settings,
    expected: tuple[str | None, dict[str, str]],
    address: str,
    left_out: dict[str, None],
) -> None:
    with serving(settings) as client:
        client.put(address, {"image": IMAGE, "description": "Data science.", "tags": {"a": "1"}})
        client.put(address, {"image": IMAGE, **left_out})

        found = client.get(address).properties
        # In recordings, a missing description is null in a version and an empty string in a
        # container.
        nothing = None if address == VERSION else ""
        assert (found["description"] or nothing, found["tags"]) == (
            expected[0] or nothing,
            expected[1],
        )


@pytest.mark.parametrize("settings", [switched(omitted="clear"), switched(omitted="keep")])
def test_an_empty_value_is_written_unlike_an_omitted_value(settings: Settings) -> None:
    with serving(settings) as client:
        client.put(VERSION, {"image": IMAGE, "description": "Data science.", "tags": {"a": "1"}})
        client.put(VERSION, {"image": IMAGE, "description": "", "tags": {}})

        found = client.get(VERSION).properties
        assert (found["description"], found["tags"]) == ("", {})


@pytest.mark.parametrize("conflict", [400, 409])
def test_a_changed_spec_is_refused_with_the_configured_status(conflict: int) -> None:
    settings = switched(conflict=409) if conflict == 409 else switched(conflict=400)
    with serving(settings) as client:
        client.put(VERSION, {"image": IMAGE})
        reply = client.put(VERSION, {"image": "contoso.example/other:1"})

        assert (reply.status, reply.json["error"]["code"]) == (conflict, "UserError")
        assert reply.json["error"]["message"].startswith(
            "Environment pydata with version 1 is already registered and cannot be changed"
        )
        assert client.get(VERSION).properties["image"] == IMAGE


@pytest.mark.parametrize(
    ("settings", "after"),
    [
        (switched(restore="keep"), {None: False, "1": True, "2": False}),
        (switched(restore="all"), {None: False, "1": False, "2": False}),
    ],
    ids=["keep", "all"],
)
def test_the_setting_restore_decides_whether_archived_versions_are_restored_with_a_container(
    settings: Settings, after: dict[str | None, bool]
) -> None:
    with serving(settings) as client:
        for version in ("1", "2"):
            client.put(f"{CONTAINER}/versions/{version}", {"image": IMAGE})
        client.put(VERSION, {"image": IMAGE, "isArchived": True})
        client.put(CONTAINER, {"isArchived": True})
        client.put(CONTAINER, {"isArchived": False})

        assert archived(client) == after


@pytest.mark.parametrize(
    ("settings", "status", "after"),
    [
        (switched(archive_hidden="allow"), 201, {None: False, "1": True}),
        (switched(archive_hidden="refuse"), 400, {None: False, "1": False}),
    ],
    ids=["allow", "refuse"],
)
def test_the_setting_archive_hidden_allows_or_refuses_archiving_in_an_archived_container(
    settings: Settings, status: int, after: dict[str | None, bool]
) -> None:
    with serving(settings) as client:
        client.put(VERSION, {"image": IMAGE})
        client.put(CONTAINER, {"isArchived": True})
        reply = client.put(VERSION, {"image": IMAGE, "isArchived": True})
        client.put(CONTAINER, {"isArchived": False})

        assert (reply.status, archived(client)) == (status, after)


@pytest.mark.parametrize(
    ("settings", "hidden"),
    [
        (switched(hidden_versions="own"), {None: True, "1": False}),
        (switched(hidden_versions="effective"), {None: True, "1": True}),
    ],
    ids=["own", "effective"],
)
def test_the_setting_hidden_versions_selects_the_shown_state_in_an_archived_container(
    settings: Settings, hidden: dict[str | None, bool]
) -> None:
    with serving(settings) as client:
        client.put(VERSION, {"image": IMAGE})
        client.put(CONTAINER, {"isArchived": True})
        seen = archived(client)
        client.put(CONTAINER, {"isArchived": False})

        assert seen == hidden
        assert archived(client) == {None: False, "1": False}


@pytest.mark.parametrize(
    ("settings", "status"),
    [(switched(hidden_versions="own"), 201), (switched(hidden_versions="effective"), 400)],
    ids=["own", "effective"],
)
def test_a_put_without_is_archived_is_refused_if_the_version_is_shown_as_archived(
    settings: Settings, status: int
) -> None:
    with serving(settings) as client:
        client.put(VERSION, {"image": IMAGE})
        client.put(CONTAINER, {"isArchived": True})

        # A PUT without `isArchived` writes false, which would restore a version that shows as
        # archived.
        assert client.put(VERSION, {"image": IMAGE, "description": "New."}).status == status


@pytest.mark.parametrize(
    ("settings", "tags"),
    [
        (switched(container_tags="keep"), (201, {"envsync.owner": "churn"})),
        (switched(container_tags="drop"), (201, {})),
        (switched(container_tags="refuse"), (400, {})),
    ],
    ids=["keep", "drop", "refuse"],
)
def test_the_setting_container_tags_keeps_drops_or_refuses_the_tags_of_a_container(
    settings: Settings, tags: tuple[int, dict[str, str]]
) -> None:
    with serving(settings) as client:
        client.put(VERSION, {"image": IMAGE, "tags": {"a": "1"}})
        reply = client.put(CONTAINER, {"tags": {"envsync.owner": "churn"}})

        assert (reply.status, client.get(CONTAINER).properties["tags"]) == tags
        assert client.put(CONTAINER, {"tags": {}, "isArchived": True}).status == 201
        assert client.get(VERSION).properties["tags"] == {"a": "1"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (switched(registry_metadata="update"), ("New.", {"b": "2"}, True)),
        (switched(registry_metadata="ignore"), ("Data science.", {"a": "1"}, True)),
    ],
    ids=["update", "ignore"],
)
def test_the_setting_registry_metadata_decides_whether_a_registry_updates_metadata(
    settings: Settings, expected: tuple[str, dict[str, str], bool]
) -> None:
    address = f"{REGISTRY}/environments/pydata/versions/1"
    old = {"image": IMAGE, "description": "Data science.", "tags": {"a": "1"}}
    new = {"image": IMAGE, "description": "New.", "tags": {"b": "2"}, "isArchived": True}
    with serving(settings) as client:
        statuses = [client.put(address, body, DATAPLANE).status for body in (old, new)]

        found = client.get(address, DATAPLANE).properties
        assert statuses == [202, 202]
        assert (found["description"], found["tags"], found["isArchived"]) == expected


def test_the_setting_next_version_selects_a_counter_or_a_timestamp() -> None:
    moment = datetime(2022, 9, 14, 20, 33, 51, 582089, tzinfo=UTC)
    found = {}
    for settings in (switched(next_version="counter"), switched(next_version="timestamp")):
        with serving(settings, clock=lambda: moment) as client:
            for version in ("9", "10"):
                client.put(f"{CONTAINER}/versions/{version}", {"image": IMAGE})
            found[settings.next_version] = client.get(CONTAINER).properties["nextVersion"]

    assert found == {"counter": "11", "timestamp": "2022-09-14-20-33-51-5820891"}


@pytest.mark.parametrize(
    ("settings", "status"),
    [(switched(absent_versions="empty"), 200), (switched(absent_versions="404"), 404)],
    ids=["empty", "404"],
)
def test_the_setting_absent_versions_selects_an_empty_list_or_404(
    settings: Settings, status: int
) -> None:
    with serving(settings) as client:
        assert client.get(f"{CONTAINER}/versions").status == status


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        (switched(end_of_life_python="accept"), 201),
        (switched(end_of_life_python="refuse"), 400),
    ],
    ids=["accept", "refuse"],
)
def test_the_setting_end_of_life_python_accepts_or_refuses_an_old_python(
    settings: Settings, status: int
) -> None:
    conda = "dependencies:\n- python=3.7.6\n- pip\n"
    with serving(settings) as client:
        reply = client.put(VERSION, {"image": IMAGE, "condaFile": conda})

        assert reply.status == status
        if status == 400:
            inner = reply.json["error"]["additionalInfo"][-1]
            assert inner["info"]["value"]["code"] == "NewRecommendedPythonVersions"


@pytest.mark.parametrize("refuse", [False, True], ids=["accept", "refuse"])
def test_a_registered_version_with_an_end_of_life_python_can_be_changed_and_archived(
    refuse: bool, tmp_path: Path
) -> None:
    state, conda = tmp_path / "emulator.db", "dependencies:\n- python=3.7.6\n- pip\n"
    with serving(switched(state=state)) as client:
        client.put(VERSION, {"image": IMAGE, "condaFile": conda})
    settings = switched(state=state, end_of_life_python="refuse" if refuse else "accept")
    with serving(settings) as client:
        body = {"image": IMAGE, "condaFile": conda, "description": "Old.", "isArchived": True}

        assert client.put(VERSION, body).status == 201


@pytest.mark.parametrize(
    ("settings", "get"),
    [(switched(container_get="recorded"), False), (switched(container_get="stored"), True)],
    ids=["recorded", "stored"],
)
@pytest.mark.parametrize(
    ("archived_entry", "entry"), [("true", True), ("false", False)], ids=["true", "false"]
)
def test_two_settings_select_is_archived_of_a_container_in_a_get_and_in_a_list(
    settings: Settings, get: bool, archived_entry: Literal["true", "false"], entry: bool
) -> None:
    with serving(replace(settings, archived_entry=archived_entry)) as client:
        client.put(VERSION, {"image": IMAGE})
        put = client.put(CONTAINER, {"isArchived": True}).properties
        entries = client.get(f"{WORKSPACE}/environments", listViewType="All").json["value"]
        listed = {item["name"]: item["properties"] for item in entries}

        assert archived(client)[None]
        assert (put["isArchived"], put["latestVersion"]) == (True, "1")
        assert client.get(CONTAINER).properties["isArchived"] == get
        assert listed["pydata"]["isArchived"] == entry


@pytest.mark.parametrize(
    ("settings", "tags"),
    [
        (switched(numeric_tags="text"), {"a": "1", "b": "1.5", "c": "true", "d": "1"}),
        (switched(numeric_tags="number"), {"a": 1, "b": 1.5, "c": True, "d": "1"}),
        (switched(numeric_tags="refuse"), None),
    ],
    ids=["text", "number", "refuse"],
)
def test_the_setting_numeric_tags_selects_strings_numbers_or_a_refusal(
    settings: Settings, tags: dict[str, object] | None
) -> None:
    sent = {"a": 1, "b": 1.5, "c": True, "d": "1"}
    with serving(settings) as client:
        client.validates = settings.numeric_tags != "number"  # the OpenAPI allows strings only
        created = client.put(VERSION, {"image": IMAGE, "tags": sent})
        client.put(f"{CONTAINER}/versions/2", {"image": IMAGE, "tags": {"a": "1"}})
        client.put(f"{CONTAINER}/versions/2", {"image": IMAGE, "tags": {"a": 1, "b": "2"}})
        updated = client.get(f"{CONTAINER}/versions/2").properties["tags"]

        assert created.status == (400 if tags is None else 201)
        if tags is not None:
            assert client.get(VERSION).properties["tags"] == tags
            assert updated == {"a": tags["a"], "b": "2"}


@pytest.mark.parametrize("kind", ["recorded", "updated"])
def test_the_setting_system_data_decides_whether_the_last_write_is_shown(
    kind: Literal["recorded", "updated"],
) -> None:
    with serving(switched(system_data=kind)) as client:
        client.put(VERSION, {"image": IMAGE})
        before = [client.get(path).json["systemData"] for path in (VERSION, CONTAINER)]
        client.put(VERSION, {"image": IMAGE, "tags": {"a": "1"}})
        client.put(CONTAINER, {"isArchived": True})
        after = [client.get(path).json["systemData"] for path in (VERSION, CONTAINER)]

    for old, new in zip(before, after, strict=True):
        assert old["lastModifiedAt"] == old["createdAt"] == new["createdAt"]
        assert (new["lastModifiedAt"] > new["createdAt"]) is (kind == "updated")


def test_the_get_of_a_version_is_stale_for_the_configured_time() -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    moments = [now]
    with serving(switched(stale_get_seconds=5), clock=lambda: moments[0]) as client:
        moments[0] = now + timedelta(seconds=1)
        client.put(VERSION, {"image": IMAGE, "description": "first"})
        new = client.get(VERSION).status
        moments[0] = now + timedelta(seconds=7)
        later = client.get(VERSION).properties["description"]
        put = client.put(VERSION, {"image": IMAGE, "description": "second"})
        stale = client.get(VERSION).properties["description"]
        listed = client.get(f"{CONTAINER}/versions").json["value"][0]["properties"]["description"]
        moments[0] = now + timedelta(seconds=13)
        fresh = client.get(VERSION).properties["description"]

    assert (new, later, put.properties["description"]) == (404, "first", "second")
    assert (stale, listed, fresh) == ("first", "second", "second")


@pytest.mark.parametrize("seconds", [0.0, 30.0])
def test_lists_show_writes_after_the_configured_lag(seconds: float) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)

    def shown(client: Client) -> list[tuple[str, str | None]]:
        versions = client.get(f"{CONTAINER}/versions").json["value"]
        return [(item["name"], item["properties"]["description"]) for item in versions]

    # Each step starts more than 30 seconds after the last write.
    moments = [now]
    with serving(switched(list_lag_seconds=seconds), clock=lambda: moments[0]) as client:
        moments[0] = now + timedelta(seconds=1)
        client.put(VERSION, {"image": IMAGE, "description": "first"})
        before = shown(client), client.get(VERSION).properties["description"]
        moments[0] = now + timedelta(seconds=32)
        client.put(VERSION, {"image": IMAGE, "description": "second"})
        client.put(f"{CONTAINER}/versions/2", {"image": IMAGE})
        client.put(CONTAINER, {"isArchived": True})
        between = shown(client), client.get(VERSION).properties["description"]
        moments[0] = now + timedelta(seconds=64)
        after = shown(client)
        client.put(CONTAINER, {"isArchived": False})
        moments[0] = now + timedelta(seconds=96)
        restored = shown(client)

    assert after == []
    assert restored == [("2", None), ("1", "second")]
    if seconds:
        assert (before, between) == (([], "first"), ([("1", "first")], "second"))
    else:
        assert (before, between) == (([("1", "first")], "first"), ([], "second"))


def test_seeded_and_curated_environments_are_listed_immediately() -> None:
    with serving(switched(list_lag_seconds=30)) as client:
        names = [item["name"] for item in client.get(f"{WORKSPACE}/environments").json["value"]]

    assert "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu" in names


def test_every_setting_for_unknown_behaviour_is_tested() -> None:
    switches = {name for name, kind in Settings.__annotations__.items() if "Literal" in kind}

    assert switches == {
        "tags",
        "omitted",
        "conflict",
        "restore",
        "archive_hidden",
        "hidden_versions",
        "container_tags",
        "registry_metadata",
        "next_version",
        "absent_versions",
        "end_of_life_python",
        "container_get",
        "archived_entry",
        "numeric_tags",
        "system_data",
        "throttle",  # tested in middleware/test_faults.py
    }
