"""Active versions, `@latest`, and the JSON of environments."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envsync.model.canonical import JSON
from envsync.model.environment import Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion
from tests.builders import container, image, registered

ACTIVE: dict[str, tuple[Container, list[str], str | None]] = {
    "no versions": (container("a"), [], None),
    "the latest is the newest by creation": (container("a", "2", "10", "1"), ["2", "10", "1"], "1"),
    "an archived version is not active": (
        container("a", "1", registered("a", "2", archived=True)),
        ["1"],
        "1",
    ),
    "every version archived": (container("a", registered("a", "1", archived=True)), [], None),
    "an archived environment hides every version": (
        container("a", "1", "2", archived=True),
        [],
        None,
    ),
}


@pytest.mark.parametrize(("held", "active", "latest"), ACTIVE.values(), ids=ACTIVE.keys())
def test_a_container_has_active_versions_and_a_latest_version(
    held: Container, active: list[str], latest: str | None
) -> None:
    assert [item.version for item in held.active] == active
    assert held.latest == latest


def test_a_registered_version_is_active_and_not_curated_by_default() -> None:
    environment = Environment(EnvironmentKey("a", "1"), image())

    assert RegisteredVersion(environment) == RegisteredVersion(
        environment, archived=False, created="", curated=False
    )


def test_a_new_container_starts_with_version_1() -> None:
    assert Container("a") == Container("a", versions=(), archived=False, next_version="1")


VERSION = RegisteredVersion(
    Environment(
        EnvironmentKey("a", "1"),
        EnvironmentSpec(image="x:1"),
        Metadata("Trains.", {"team": "risk"}),
        Provenance("churn", "sha256:0", "environments/a.yml", "c0ffee"),
    ),
    archived=True,
    created="2026-01-02T03:04:05Z",
)


def test_the_json_of_an_environment_has_every_version_with_its_tags_and_provenance() -> None:
    assert Container("a", (VERSION, registered("a", "2"))).to_json() == {
        "name": "a",
        "archived": False,
        "latest": "2",
        "versions": [
            {
                "name": "a",
                "version": "1",
                **VERSION.environment.spec.to_json(),
                "description": "Trains.",
                "tags": {"team": "risk"},
                "archived": True,
                "created": "2026-01-02T03:04:05Z",
                "owner": "churn",
                "digest": "sha256:0",
                "source": "environments/a.yml",
                "commit": "c0ffee",
            },
            registered("a", "2").to_json(),
        ],
    }


def test_the_json_of_a_list_has_archived_versions_only_on_request() -> None:
    first: JSON = {
        "version": "1",
        "archived": True,
        "created": "2026-01-02T03:04:05Z",
        "owner": "churn",
    }
    second: dict[str, JSON] = {"version": "2", "archived": False, "created": "", "owner": "churn"}
    held = Container("a", (VERSION, registered("a", "2")))
    summary = {"name": "a", "latest": "2", "archived": False}

    assert held.summary_json(everything=True) == summary | {"versions": [first, second]}
    assert held.summary_json(everything=False) == summary | {"versions": [second]}
    hidden = replace(held, archived=True)
    assert hidden.summary_json(everything=True) == {
        "name": "a",
        "latest": None,
        "archived": True,
        "versions": [first, {**second, "archived": True}],
    }
