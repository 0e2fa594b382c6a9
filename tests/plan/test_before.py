"""The state that each change expects."""

from __future__ import annotations

from msgspec.structs import replace

from envsync.model.before import Before
from envsync.model.policy import Policy
from envsync.model.state import Container
from envsync.plan.change import Change
from envsync.plan.planner import make_plan
from tests.builders import PROJECT, TARGET, container, declared, registered, state

POLICY = Policy(project=PROJECT, max_archive_percent=100)


def expected(found: Container, *versions: str, policy: Policy = POLICY) -> dict[str, Before]:
    """Returns the `Before` of each change, by `action address`."""
    kept = container("kept", "1")
    declarations = [declared("kept", "1"), *(declared("a", version) for version in versions)]
    plan = make_plan(declarations, state(found, kept), policy, TARGET)
    return {label(change): change.before for change in plan.changes if change.before}


def label(change: Change) -> str:
    return f"{change.action} {change.address}"


def test_an_update_expects_the_version_that_the_plan_saw() -> None:
    version = registered("a", "1", description="Old.")

    before = expected(container("a", version), "1")["update a:1"]

    assert before == Before(hidden=False, version=version, archived=False)


def test_the_archive_of_an_environment_expects_its_active_versions_and_their_owners() -> None:
    archived = registered("a", "1", archived=True, owner="other")

    before = expected(container("a", archived, "2"))["archive a"]

    assert before == Before(hidden=False, owners={"2": PROJECT})


def test_a_restore_expects_every_version_and_all_earlier_changes() -> None:
    found = container("a", registered("a", "1", description="Old."), "2", archived=True)

    before = expected(found, "1")

    assert list(before) == ["archive a:2", "restore a", "update a:1"]
    assert before["archive a:2"].hidden
    assert before["restore a"] == Before(hidden=True, owners={"1": PROJECT, "2": PROJECT})
    # The service possibly restores every version together with its environment.
    assert before["update a:1"] == Before(hidden=False, version=found.versions[0], archived=None)


def test_a_restore_expects_versions_that_were_archived_one_by_one() -> None:
    found = container("a", "1", registered("a", "2", archived=True), archived=True)

    assert expected(found, "1")["restore a"].owners == {"1": PROJECT, "2": PROJECT}


def test_a_create_in_a_restored_environment_expects_an_active_environment() -> None:
    before = expected(container("a", "1", archived=True), "1", "2")

    assert before["create a:2"] == Before(
        hidden=False, known={"1": frozenset({PROJECT}), "2": frozenset({PROJECT})}
    )


def test_a_create_expects_both_owners_of_a_version_that_the_plan_adopts() -> None:
    before = expected(container("a", registered("a", "1", owner=None)), "1", "2")

    assert before["create a:2"].known == {
        "1": frozenset({None, PROJECT}),
        "2": frozenset({PROJECT}),
    }


def test_a_change_expects_no_archived_state_if_the_state_is_uncertain() -> None:
    version = registered("a", "1", archived=True, description="Old.")
    found = replace(container("a", version, archived=True), may_echo=True)

    assert expected(found, "1")["restore a:1"].archived is None


def test_the_archive_of_a_version_does_not_hide_the_environment() -> None:
    found = container("a", "1", "2", registered("a", "3", owner="other"))

    before = expected(found)

    assert before == {
        "archive a:1": Before(hidden=False, version=found.versions[0], archived=False),
        "archive a:2": Before(hidden=False, version=found.versions[1], archived=False),
    }


def test_a_change_expects_nothing_about_versions_of_other_names() -> None:
    plan = make_plan([declared("b", "1")], state(), POLICY, TARGET)

    assert [change.before for change in plan.changes] == [
        Before(hidden=False, known={"1": frozenset({PROJECT})})
    ]


def test_the_digest_and_the_json_of_a_plan_ignore_the_expected_state() -> None:
    plan = make_plan([declared("b", "1")], state(), POLICY, TARGET)
    bare = replace(plan, changes=tuple(replace(item, before=None) for item in plan.changes))

    assert bare == plan
    assert (bare.digest, bare.to_json()) == (plan.digest, plan.to_json())
