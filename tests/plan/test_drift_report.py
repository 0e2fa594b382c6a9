"""Tests of the report about what was changed in a target."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.environment import Metadata
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.model.state import Container, Modification, RegisteredVersion, State
from envsync.plan.change import FieldChange
from envsync.plan.drift import Difference, Origin
from envsync.plan.drift_report import DriftReport, drift_report
from envsync.plan.planner import make_plan
from tests.builders import PROJECT, TARGET, container, declared, image, registered, state

ADA = Modification("Ada", "2026-01-01T00:00:00Z")


def written(
    tags: dict[str, str],
    applied: dict[str, str] | None = None,
    version: str = "1",
    *,
    archived: bool = False,
) -> RegisteredVersion:
    """Returns a version with tags, for which envsync last wrote the tags `applied`."""
    item = registered("a", version, None, None, tags, archived=archived)
    last = Metadata(None, tags if applied is None else applied)
    provenance = replace(item.environment.provenance, applied=last.digest, source="a.yml")
    return replace(item, environment=replace(item.environment, provenance=provenance), modified=ADA)


def owned_by(item: RegisteredVersion, owner: str | None, **other: None) -> RegisteredVersion:
    provenance = replace(item.environment.provenance, owner=owner, **other)
    return replace(item, environment=replace(item.environment, provenance=provenance))


def report(
    desired: Sequence[Declaration],
    actual: State,
    policy: Policy = Policy(PROJECT),  # noqa: B008 (a frozen value)
    **options: Sequence[str],
) -> DriftReport:
    plan = make_plan(desired, actual, policy, TARGET)
    names = actual.keys() | {item.name for item in desired}
    return drift_report(desired, actual, plan, policy, names, **options)  # type: ignore[arg-type]


def differences(found: DriftReport) -> dict[str, dict[str, str]]:
    return {
        item.address: {each.field.path: str(each.origin) for each in item.differences}
        for item in (*found.drifted, *found.unknown)
    }


A = declared("a", "1", tags={"owner": "x"})


def test_an_unedited_target_has_no_drift_and_nothing_pending() -> None:
    assert report([A], state(container("a", written({"owner": "x"})))) == DriftReport(
        TARGET, (), (), ()
    )


def test_an_edit_is_drift_and_not_pending() -> None:
    found = report([A], state(container("a", written({"owner": "y"}, {"owner": "x"}))))

    (item,) = found.drifted
    assert (item.address, item.source, item.modified) == ("a:1", A.source, ADA)
    assert item.differences == (Difference(FieldChange("tags.owner", "y", "x"), Origin.TARGET),)
    assert (found.unknown, found.pending) == ((), ())


def test_a_change_in_git_is_pending_and_no_drift() -> None:
    found = report([A, declared("b", "1")], state(container("a", written({"owner": "old"}))))

    assert (found.drifted, found.unknown) == ((), ())
    assert found.pending == (("update", "a:1"), ("create", "b:1"))


def test_a_version_that_was_changed_on_both_sides_is_drift_and_pending() -> None:
    actual = written({"owner": "y", "team": "old"}, {"owner": "x", "team": "old"})
    found = report(
        [declared("a", "1", tags={"owner": "x", "team": "new"})], state(container("a", actual))
    )

    assert differences(found) == {"a:1": {"tags.owner": "target"}}
    assert found.pending == (("update", "a:1"),)


def test_a_field_that_was_changed_on_both_sides_is_drift() -> None:
    found = report([A], state(container("a", written({"owner": "y"}, {"owner": "z"}))))

    assert [item.is_drift for item in found.drifted] == [True]
    assert differences(found) == {"a:1": {"tags.owner": "unknown"}}
    assert found.pending == (("update", "a:1"),)


def test_without_the_applied_tag_the_origin_of_a_difference_is_unknown() -> None:
    old = registered("a", "1", None, None, {"owner": "y"})
    found = report([A], state(container("a", old)))

    assert found.drifted == ()
    assert differences(found) == {"a:1": {"tags.owner": "unknown"}}
    assert found.pending == (("update", "a:1"),)


def test_an_archived_version_and_an_archived_environment_are_drift() -> None:
    gone = container("a", written({"owner": "x"}, archived=True))
    hidden = replace(container("a", written({"owner": "x"}), archived=True), modified=ADA)

    for held, address in ((gone, "a:1"), (hidden, "a")):
        found = report([A], state(held))
        assert differences(found) == {address: {"archived": "target"}}
        assert [each.field for each in found.drifted[0].differences] == [
            FieldChange("archived", True, False)
        ]
        assert found.drifted[0].modified == ADA
        assert found.drifted[0].note.startswith("Either somebody archived it, or envsync")
        assert found.pending == ()


def test_the_note_of_a_drifted_version_does_not_mention_an_ignored_archive() -> None:
    both = written({"owner": "y"}, {"owner": "x"}, archived=True)
    found = report([A], state(container("a", both)), ignore=["archived"])

    assert differences(found) == {"a:1": {"tags.owner": "target"}}
    assert found.drifted[0].note == ""


def test_an_archived_environment_of_another_project_is_no_drift() -> None:
    held = container("a", registered("a", "1", owner=None), archived=True)
    found = report([A], state(held))

    assert (found.drifted, found.unknown) == ((), ())
    assert found.pending != ()


def test_archives_that_belong_to_a_restore_are_not_pending() -> None:
    held = container("a", written({"owner": "x"}), written({}, version="0"), archived=True)
    found = report([A], state(held))

    assert differences(found) == {"a": {"archived": "target"}}
    assert found.pending == ()


def test_a_removed_owner_is_drift() -> None:
    item = owned_by(written({"owner": "x"}), None)
    found = report([A], state(container("a", item)))

    assert differences(found) == {"a:1": {"owner": "target"}}
    assert found.pending == ()


def test_the_origin_of_a_different_owner_is_unknown() -> None:
    found = report([A], state(container("a", owned_by(written({"owner": "y"}), "other"))))

    assert found.drifted == ()
    assert differences(found) == {"a:1": {"owner": "unknown"}}
    assert found.pending == (("reject", "a:1"),)


def test_a_version_that_envsync_never_wrote_has_no_drift() -> None:
    item = registered("a", "1", None, None, {"owner": "y"}, owner=None)
    found = report([A], state(container("a", item)))

    assert (found.drifted, found.unknown) == ((), ())
    assert found.pending == (("update", "a:1"),)


def test_an_environment_that_lost_every_version_of_the_project_is_drift() -> None:
    marked: Container = replace(container("a"), marks=frozenset({PROJECT}))
    foreign = replace(
        container("a", registered("a", "2", owner="other")), marks=frozenset({PROJECT, "other"})
    )
    new = replace(container("a", registered("a", "2", owner="other")), marks=frozenset({"other"}))

    assert differences(report([A], state(marked))) == {"a": {"owner": "target"}}
    assert differences(report([A], state(foreign))) == {"a": {"owner": "target"}}
    assert report([A], state(new)).drifted == ()
    assert report([A], state()).drifted == ()


def test_an_edited_version_that_no_file_declares_is_drift() -> None:
    held = container("a", written({"owner": "y"}, {"owner": "x"}), written({}, version="2"))
    (item,) = report([declared("a", "2")], state(held)).drifted

    assert (item.address, item.source, item.edited, item.differences) == ("a:1", None, True, ())


def test_a_different_spec_is_pending_because_specs_cannot_drift() -> None:
    found = report(
        [declared("a", "1", image("2"), tags={"owner": "x"})],
        state(container("a", written({"owner": "x"}))),
    )

    assert (found.drifted, found.unknown) == ((), ())
    assert found.pending == (("reject", "a:1"),)


def test_ignored_names_versions_and_fields_are_left_out() -> None:
    edited = written({"owner": "y", "cost": "2"}, {"owner": "x", "cost": "1"})
    desired = [declared("a", "1", tags={"owner": "x", "cost": "1"})]
    held = state(container("a", edited))

    for glob in ("a", "a:1", "*", "a:*"):
        assert report(desired, held, ignore=[glob]).drifted == ()
    assert differences(report(desired, held, ignore=["tags.co*"])) == {
        "a:1": {"tags.owner": "target"}
    }
    assert report(desired, held, ignore=["tags.co*", "tags.owner"]).drifted == ()
    assert differences(report(desired, held, ignore=["b", "a:2", "description"])) != {}


def test_tags_in_ignore_tags_do_not_drift() -> None:
    item = written({"owner": "x", "cost": "2"}, {"owner": "x"})

    assert report([A], state(container("a", item)), Policy(PROJECT, ignore_tags=("cost",))) == (
        DriftReport(TARGET, (), (), ())
    )


def test_curated_environments_have_no_drift() -> None:
    item = replace(written({"owner": "y"}, {"owner": "x"}), curated=True)

    assert report([A], state(container("a", item))).drifted == ()


values = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), max_size=2)


@settings(deadline=None)
@given(values, values, values, st.booleans(), st.booleans())
def test_each_change_of_a_plan_is_drift_or_unknown_or_pending(
    actual: dict[str, str],
    last: dict[str, str],
    wanted: dict[str, str],
    archived: bool,
    tagged: bool,
) -> None:
    item = written(actual, last, archived=archived)
    if not tagged:
        item = owned_by(item, PROJECT, applied=None)
    desired, held = [declared("a", "1", tags=wanted)], state(container("a", item))
    found = report(desired, held)
    plan = make_plan(desired, held, Policy(PROJECT), TARGET)

    assert plan.is_empty or found.drifted or found.unknown or found.pending
    if last == actual and tagged and not archived:
        assert found.drifted == ()
    # After an apply, nothing is left to report.
    for change in plan.changes:
        assert change.desired is not None
        after = state(container("a", RegisteredVersion(change.desired)))
        assert report(desired, after) == DriftReport(TARGET, (), (), ())


def test_the_provenance_of_a_version_that_envsync_never_wrote_is_empty() -> None:
    assert Provenance.from_tags({"owner": "x"}) == Provenance()


def test_the_json_of_a_report_has_the_values_of_both_sides() -> None:
    edited = container("a", written({"owner": "y"}, {"owner": "x"}))
    found = report([A, declared("b", "1")], state(edited))

    assert found.to_json() == {
        "target": TARGET.to_json(),
        "drift": [
            {
                "name": "a",
                "version": "1",
                "source": A.source.to_json(),
                "edited": True,
                "by": ADA.by,
                "at": ADA.at,
                "fields": [
                    {"path": "tags.owner", "target": "y", "file": "x", "origin": "target"},
                ],
                "note": "",
            }
        ],
        "unknown": [],
        "pending": [{"action": "create", "address": "b:1"}],
    }


def test_an_owner_that_somebody_replaced_is_shown_beside_the_project() -> None:
    item = owned_by(written({"owner": "x"}), "other")
    (found,) = report([A], state(container("a", item))).unknown

    assert [each.field for each in found.differences] == [FieldChange("owner", "other", PROJECT)]
