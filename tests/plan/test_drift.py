"""Tests of the comparison of the file, the target and the last write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envsync.model.environment import Metadata
from envsync.model.errors import EnvsyncError
from envsync.model.policy import Policy
from envsync.model.state import Modification, RegisteredVersion
from envsync.plan.change import FieldChange
from envsync.plan.compare import merge_ignored, metadata_fields, without_ignored
from envsync.plan.drift import Difference, Origin, compare_metadata, is_edited
from envsync.plan.drifted import Drifted
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.plan.schema import violation
from tests.builders import PROJECT, TARGET, container, declared, registered, state

_SCHEMA = files("envsync") / "schemas" / "plan.json"


def held(actual: Metadata, written: Metadata | None) -> RegisteredVersion:
    """Returns a version with metadata `actual`, for which envsync last wrote `written`."""
    item = registered("a", "1", None, actual.description, actual.tags)
    applied = None if written is None else written.digest
    provenance = replace(item.environment.provenance, applied=applied)
    return replace(item, environment=replace(item.environment, provenance=provenance))


def tags(**found: str) -> Metadata:
    return Metadata("About a", found)


def origins(
    actual: Metadata, wanted: Metadata, written: Metadata | None, ignore: tuple[str, ...] = ()
) -> dict[str, str]:
    found = compare_metadata(held(actual, written), wanted, ignore)
    return {item.field.path: str(item.origin) for item in found.differences}


def test_if_the_target_was_not_edited_every_difference_comes_from_git() -> None:
    actual = tags(owner="a", team="x")
    found = compare_metadata(held(actual, actual), Metadata("New.", {"owner": "b"}))

    assert found.edited is False
    assert found.overwritten() is None
    assert found.differences == (
        Difference(FieldChange("description", "About a", "New."), Origin.GIT),
        Difference(FieldChange("tags.owner", "a", "b"), Origin.GIT),
        Difference(FieldChange("tags.team", "x", None), Origin.GIT),
    )


def test_if_the_file_is_unchanged_every_difference_comes_from_the_target() -> None:
    written = tags(owner="a", team="x")
    found = compare_metadata(held(Metadata("Mine.", {"owner": "b"}), written), written)

    assert found.edited
    assert found.overwritten() == Drifted(("description", "tags.owner", "tags.team"))
    assert found.drifted == found.differences
    assert [item.field for item in found.differences] == [
        FieldChange("description", "Mine.", "About a"),
        FieldChange("tags.owner", "b", "a"),
        FieldChange("tags.team", None, "x"),
    ]


@pytest.mark.parametrize(
    ("actual", "wanted", "written", "expected"),
    [
        (
            tags(owner="theirs", team="x"),
            tags(owner="a", team="ours"),
            tags(owner="a", team="x"),
            {"tags.owner": "target", "tags.team": "git"},
        ),
        (
            tags(owner="a", extra="theirs"),
            Metadata("Ours.", {"owner": "a"}),
            tags(owner="a"),
            {"description": "git", "tags.extra": "target"},
        ),
        (
            tags(),
            tags(team="x", new="ours"),
            tags(team="x"),
            {"tags.new": "git", "tags.team": "target"},
        ),
        (
            tags(new="theirs"),
            tags(new="ours"),
            tags(),
            {"tags.new": "both"},
        ),
    ],
    ids=["values", "added", "removed", "added on both sides"],
)
def test_a_field_changed_in_git_and_a_field_changed_in_the_target_have_different_origins(
    actual: Metadata, wanted: Metadata, written: Metadata, expected: dict[str, str]
) -> None:
    assert origins(actual, wanted, written) == expected


def test_the_origin_is_unknown_if_both_sides_changed_the_same_field() -> None:
    found = compare_metadata(held(tags(owner="theirs"), tags(owner="a")), tags(owner="ours"))

    assert found.edited
    assert found.overwritten() == Drifted(("tags.owner",), certain=False)
    assert [item.origin for item in found.differences] == [Origin.UNKNOWN]
    assert found.drifted == ()


@pytest.mark.parametrize("actual", [tags(owner="b"), tags(owner="a")])
def test_without_the_applied_tag_the_origin_is_unknown(actual: Metadata) -> None:
    found = compare_metadata(held(actual, None), tags(owner="a"))

    assert found.edited is None
    assert found.overwritten() is None
    assert {item.origin for item in found.differences} <= {Origin.UNKNOWN}


def test_an_edit_to_the_value_in_the_file_is_not_overwritten() -> None:
    found = compare_metadata(held(tags(owner="b"), tags(owner="a")), tags(owner="b"))

    assert found.edited
    assert found.overwritten() is None


@pytest.mark.parametrize("written", [tags(owner="a"), tags(owner="a", cost="1")])
def test_a_change_of_an_ignored_tag_is_no_edit(written: Metadata) -> None:
    """In the second case, the tag has been ignored only since the last write."""
    item = held(tags(owner="a", cost="1"), written)

    assert compare_metadata(item, tags(owner="a"), ("co*",)).edited is False
    assert is_edited(item, ("co*",)) is False
    assert origins(tags(owner="b", cost="1"), tags(owner="a"), written, ("co*",)) == {
        "tags.owner": "target"
    }


def test_an_empty_description_equals_an_absent_description() -> None:
    assert is_edited(held(Metadata(None, {"a": "1"}), Metadata("", {"a": "1"}))) is False


def test_the_origin_of_differences_is_unknown_if_there_are_too_many() -> None:
    actual = Metadata(None, {f"t{number}": "theirs" for number in range(40)})
    wanted = Metadata(None, {f"t{number}": "ours" for number in range(40)})
    written = replace(actual, tags={**actual.tags, "t0": "ours"})
    found = compare_metadata(held(actual, written), wanted)

    assert found.edited
    assert {item.origin for item in found.differences} == {Origin.UNKNOWN}


def test_the_overwritten_edit_has_the_author_and_the_time_of_the_last_write() -> None:
    modified = Modification("Ada", "2026-01-01T00:00:00Z")
    item = replace(held(tags(owner="b"), tags(owner="a")), modified=modified)

    assert compare_metadata(item, tags(owner="a")).overwritten() == Drifted(
        ("tags.owner",), by="Ada", at="2026-01-01T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("actual", "written", "expected"),
    [
        (tags(owner="a"), tags(owner="a"), Drifted(("owner",))),
        (tags(owner="b"), tags(owner="a"), Drifted(("tags.owner", "owner"))),
        (
            tags(owner="b"),
            tags(owner="c"),
            Drifted(("description", "tags.owner", "owner"), certain=False),
        ),
        (tags(owner="b"), None, Drifted(("owner",))),
    ],
)
def test_a_plan_says_that_it_overwrites_a_removed_owner(
    actual: Metadata, written: Metadata | None, expected: Drifted
) -> None:
    item = held(actual, written)
    provenance = replace(item.environment.provenance, owner=None, source="a.yml")
    lost = replace(item, environment=replace(item.environment, provenance=provenance))
    never_owned = registered("a", "1", owner=None)
    files = [declared("a", "1", tags={"owner": "a"})]

    def change(version: RegisteredVersion) -> Drifted | None:
        (found,) = make_plan(files, state(container("a", version)), Policy(PROJECT), TARGET).changes
        return found.drifted

    assert change(lost) == expected
    assert change(never_owned) is None


KEYS = ["owner", "team", "cost", "a b", "x.y"]
metadata = st.builds(
    Metadata,
    st.sampled_from([None, "about", "étage"]),
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["", "1", "2"]), max_size=4),
)
ignored = st.sampled_from([(), ("cost",), ("c*", "x.y")])


@given(metadata, metadata, metadata, ignored)
def test_the_origins_match_the_real_edits(
    written: Metadata, actual: Metadata, wanted: Metadata, ignore: tuple[str, ...]
) -> None:
    last = without_ignored(written, ignore)
    found = compare_metadata(held(actual, last), wanted, ignore)

    merged = merge_ignored(actual, wanted, ignore)
    different = {item.path: item for item in metadata_fields(actual, merged)}
    assert {item.field.path: item.field for item in found.differences} == different
    in_target = {item.path for item in metadata_fields(last, without_ignored(actual, ignore))}
    in_git = {item.path for item in metadata_fields(last, without_ignored(wanted, ignore))}
    really: Mapping[Origin, set[str]] = {
        Origin.GIT: in_git - in_target,
        Origin.TARGET: in_target - in_git,
        Origin.BOTH: in_target & in_git,
        Origin.UNKNOWN: in_target | in_git,
    }
    assert found.edited is bool(in_target)
    for item in found.differences:
        assert item.field.path in really[item.origin]


@given(metadata, metadata, ignored)
def test_nothing_is_edited_after_an_apply(
    before: Metadata, wanted: Metadata, ignore: tuple[str, ...]
) -> None:
    item = registered("a", "1", None, before.description, before.tags, owner=None)
    policy = Policy(PROJECT, ignore_tags=ignore)
    desired = declared("a", "1", None, wanted.description, wanted.tags)
    (change,) = make_plan([desired], state(container("a", item)), policy, TARGET).changes
    assert change.desired is not None
    found = compare_metadata(RegisteredVersion(change.desired), wanted, ignore)

    assert found.edited is False
    assert found.differences == ()


@given(metadata, metadata)
def test_a_missing_applied_tag_alone_causes_no_change(written: Metadata, wanted: Metadata) -> None:
    actual = state(container("a", held(written, None)))
    desired = declared("a", "1", None, written.description, written.tags)
    edited = declared("a", "1", None, wanted.description, wanted.tags)

    assert make_plan([desired], actual, Policy(PROJECT), TARGET).is_empty
    for change in make_plan([edited], actual, Policy(PROJECT), TARGET).changes:
        assert change.desired is not None
        assert change.desired.provenance.applied == wanted.digest


def planned(actual: Metadata, wanted: Metadata, written: Metadata | None) -> Plan:
    item = replace(held(actual, written), modified=Modification("Ada", "2026-01-01T00:00:00Z"))
    desired = declared("a", "1", None, wanted.description, wanted.tags)
    return make_plan([desired], state(container("a", item)), Policy(PROJECT), TARGET)


def test_a_change_says_which_edit_it_overwrites() -> None:
    made = planned(tags(owner="theirs", team="x"), tags(owner="a", team="ours"), tags(owner="a"))
    told = planned(tags(owner="theirs", team="x"), tags(owner="a"), tags(owner="a", team="x"))

    assert [item.drifted for item in made.changes] == [
        Drifted(("tags.owner", "tags.team"), True, "Ada", "2026-01-01T00:00:00Z")
    ]
    assert [item.drifted for item in told.changes] == [
        Drifted(("tags.owner",), True, "Ada", "2026-01-01T00:00:00Z")
    ]


def test_a_change_does_not_overwrite_the_edit_of_an_ignored_tag() -> None:
    item = held(tags(owner="a", cost="7"), tags(owner="a"))
    desired = declared("a", "1", None, "About a", {"owner": "b"})
    policy = Policy(PROJECT, ignore_tags=("cost",))
    (change,) = make_plan([desired], state(container("a", item)), policy, TARGET).changes

    assert change.drifted is None


@pytest.mark.parametrize("written", [None, tags(owner="a")])
def test_a_change_without_a_known_edit_has_no_drift(written: Metadata | None) -> None:
    (change,) = planned(tags(owner="a"), tags(owner="b"), written).changes

    assert change.drifted is None
    assert "drifted" not in change.to_json()


def test_the_digest_of_a_plan_does_not_cover_who_made_an_edit() -> None:
    with_edit = planned(tags(owner="b"), tags(owner="a"), tags(owner="a"))
    without = planned(tags(owner="b"), tags(owner="a"), None)

    assert with_edit != without
    assert with_edit.digest == without.digest
    assert list(with_edit.fingerprints.values()) == list(without.fingerprints.values())


def test_a_plan_with_an_edit_is_equal_after_a_json_round_trip() -> None:
    made = planned(tags(owner="b"), tags(owner="a"), tags(owner="a"))
    data = made.to_json()

    assert Plan.from_json(data) == made
    assert violation(data, json.loads(_SCHEMA.read_text())) is None


def test_a_saved_plan_with_a_damaged_edit_is_refused() -> None:
    data: Any = planned(tags(owner="b"), tags(owner="a"), tags(owner="a")).to_json()
    data["changes"][0]["drifted"]["fields"] = "tags.owner"

    with pytest.raises(EnvsyncError, match=r"`changes\[0\]\.drifted\.fields` is not of the type"):
        Plan.from_json(data)
