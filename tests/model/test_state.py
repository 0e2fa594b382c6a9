"""Active versions, and `@latest`."""

from __future__ import annotations

import pytest

from envsync.model.environment import Environment, EnvironmentKey
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
