"""The state of each version in a target follows from the plan."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envsync.model.content_version import content_version
from envsync.model.declaration import Declaration
from envsync.model.environment import Metadata
from envsync.model.policy import Policy
from envsync.model.state import Container, Modification, RegisteredVersion
from envsync.plan.archives import Evidence
from envsync.plan.drifted import Drifted
from envsync.plan.planner import make_plan
from envsync.plan.status import Cell, CellState, Key
from envsync.plan.status_cells import target_cells
from tests.builders import (
    PROJECT,
    TARGET,
    built,
    container,
    declared,
    image,
    registered,
    state,
    unknown_build,
)

POLICY = Policy(PROJECT)
FOREIGN = registered("a", "1", owner="other")
UNOWNED = registered("a", "1", owner=None)
ARCHIVED = registered("a", "1", archived=True)


def cells(
    files: list[Declaration], *containers: Container, policy: Policy = POLICY
) -> dict[Key, Cell]:
    actual = state(*containers)
    plan = make_plan(files, actual, policy, TARGET)
    return target_cells(files, actual, plan, policy)


def short(files: list[Declaration], *containers: Container, policy: Policy = POLICY) -> list[str]:
    """Returns each cell as `name:version state version`, with `!` if it is rejected."""
    found = sorted(cells(files, *containers, policy=policy).items(), key=str)
    return [
        f"{key.name}:{key.version or 'auto'} {cell.state} {cell.version}{'!' * cell.rejected}"
        for key, cell in found
    ]


@pytest.mark.parametrize(
    ("expected", "files", "actual"),
    [
        (["a:1 in-sync 1"], [declared("a", "1")], container("a", "1")),
        (["a:1 missing 1"], [declared("a", "1")], container("b")),
        (["a:auto missing 1"], [declared("a", None)], container("b")),
        (["a:auto in-sync 4"], [declared("a", None)], container("a", "4")),
        (
            ["a:1 superseded 1", "a:auto pending 2"],
            [declared("a", None, image("2"))],
            container("a", "1"),
        ),
        (["a:1 pending 1"], [declared("a", "1", tags={"x": "y"})], container("a", "1")),
        (["a:1 pending 1!"], [declared("a", "1", image("2"))], container("a", "1")),
        (["a:1 pending 1"], [declared("a", "1")], container("a", UNOWNED)),
        (["a:1 foreign 1!"], [declared("a", "1")], container("a", FOREIGN)),
        (["a:1 foreign 1", "a:2 foreign 2!"], [declared("a", "2")], container("a", FOREIGN)),
        (["a:1 archived 1"], [declared("a", "1")], container("a", ARCHIVED)),
        (["a:1 archived 1"], [declared("a", "1")], container("a", "1", archived=True)),
        (["a:1 superseded 1", "a:2 missing 2"], [declared("a", "2")], container("a", "1")),
        (["a:1 archived 1", "a:2 missing 2"], [declared("a", "2")], container("a", ARCHIVED)),
        (["a:1 undeclared 1", "a:2 missing 2"], [declared("a", "2")], container("a", UNOWNED)),
        (["a:1 undeclared 1"], [], container("a", "1")),
        (
            ["a:1 foreign 1", "a:2 undeclared 2"],
            [],
            container("a", FOREIGN, registered("a", "2")),
        ),
        (
            ["azureml-x:1 foreign 1!"],
            [declared("azureml-x", "1")],
            container("azureml-x", registered("azureml-x", "2", curated=True)),
        ),
        (
            ["a:1 foreign 1!", "a:2 archived 2"],
            [declared("a", "2")],
            container("a", FOREIGN, "2", archived=True),
        ),
    ],
)
def test_the_state_follows_from_the_plan(
    expected: list[str], files: list[Declaration], actual: Container
) -> None:
    assert expected == short(files, actual)


def test_a_version_without_an_owner_that_is_not_adopted_is_foreign() -> None:
    assert short(
        [declared("a", "1")], container("a", UNOWNED), policy=replace(POLICY, adopt="never")
    ) == ["a:1 foreign 1!"]


def test_a_version_of_another_project_that_is_taken_over_is_pending() -> None:
    assert short(
        [declared("a", "1")], container("a", FOREIGN), policy=replace(POLICY, take_over=True)
    ) == ["a:1 pending 1"]


@pytest.mark.parametrize("policy", [POLICY, replace(POLICY, superseded="archive")])
def test_an_older_version_is_superseded_whether_the_plan_archives_it_or_not(
    policy: Policy,
) -> None:
    assert short([declared("a", "2")], container("a", "1", "2"), policy=policy) == [
        "a:1 superseded 1",
        "a:2 in-sync 2",
    ]


def test_the_reason_comes_from_the_plan() -> None:
    files = [declared("a", "1", tags={"x": "y"}), declared("b", "2", image("2"))]
    found = cells(files, container("a", UNOWNED), container("b", "1", "2"), container("c", "1"))
    assert {key.name + (key.version or ""): cell.reason for key, cell in found.items()} == {
        "a1": "metadata differs; new owner: the version belongs to no project (tags.x)",
        "b1": "",
        "b2": "b:2 is already registered with a different image. Registered versions cannot "
        "change.",
        "c1": "no file declares it",
    }


def test_an_undeclared_version_is_rejected_if_its_file_still_exists() -> None:
    actual = state(container("a", registered("a", "1", source="environments/a.yml")))
    evidence = {"environments/a.yml": Evidence("environments/a.yml", "environments/a.yml exists")}
    plan = make_plan([], actual, POLICY, TARGET, still_there=evidence)
    assert target_cells([], actual, plan, POLICY) == {
        Key("a", "1"): Cell(
            state=CellState.UNDECLARED,
            version="1",
            name="a",
            reason="No file declares a, but environments/a.yml exists.",
            rejected=True,
        )
    }


def test_the_suffix_of_a_target_is_part_of_the_cell_but_not_of_the_row() -> None:
    files = [replace(declared("a-pr", "2"), suffix="-pr")]
    actual = state(container("a-pr", "1", "2"))
    plan = make_plan(files, actual, POLICY, TARGET, suffix="-pr")
    found = target_cells(files, actual, plan, POLICY, suffix="-pr")
    assert {key: (cell.name, cell.version) for key, cell in found.items()} == {
        Key("a", "1"): ("a-pr", "1"),
        Key("a", "2"): ("a-pr", "2"),
    }


def test_a_container_without_the_mark_of_the_project_is_pending() -> None:
    unmarked = replace(container("a", "1"), marks=frozenset())
    assert short([declared("a", "1")], unmarked) == ["a:1 pending 1"]


def test_a_build_context_that_cannot_be_verified_is_in_sync_with_a_reason() -> None:
    item = registered("a", "1", unknown_build())
    (cell,) = cells([declared("a", "1", built(Dockerfile="1"))], container("a", item)).values()
    assert (cell.state, cell.reason) == (
        "in-sync",
        "the content of the build context cannot be verified",
    )


def test_a_name_without_the_suffix_of_the_target_is_another_environment() -> None:
    files = [replace(declared("a-pr", "1"), suffix="-pr")]
    actual = state(container("a-pr", "1"), container("a", "1"))
    plan = make_plan(files, actual, POLICY, TARGET, suffix="-pr")
    found = target_cells(files, actual, plan, POLICY, suffix="-pr")
    assert {key: str(cell.state) for key, cell in found.items()} == {
        Key("a", "1"): "in-sync",
        Key("a", "1", lacks_suffix=True): "undeclared",
    }


def edited(*, archived: bool = False) -> RegisteredVersion:
    """Returns a version of which somebody changed the tags since envsync wrote it."""
    item = registered("a", "1", tags={"owner": "x"}, archived=archived)
    provenance = replace(item.environment.provenance, applied=Metadata().digest)
    environment = replace(item.environment, provenance=provenance)
    return replace(item, environment=environment, modified=Modification("Ada", "2026-01-01T00:00"))


def test_an_edit_that_the_plan_would_overwrite_is_drift() -> None:
    (cell,) = cells([declared("a", "1")], container("a", edited())).values()
    assert cell.state == "drifted"
    assert cell.drifted == Drifted(("tags.owner",), by="Ada", at="2026-01-01T00:00")


def test_an_archived_version_is_archived_even_if_it_was_edited() -> None:
    (cell,) = cells([declared("a", "1")], container("a", edited(archived=True))).values()
    assert cell.state == "archived"
    assert cell.drifted is not None


def test_an_edit_that_equals_the_file_is_no_drift() -> None:
    assert short([declared("a", "1", tags={"owner": "x"})], container("a", edited())) == [
        "a:1 in-sync 1"
    ]


def test_a_version_that_is_derived_from_the_content_is_in_sync() -> None:
    policy = replace(POLICY, versions="content")
    file = declared("a", None)
    version = content_version(file.spec)
    assert short([file], container("a", version), policy=policy) == [f"a:auto in-sync {version}"]
    assert short([file], policy=policy) == [f"a:auto missing {version}"]
