"""Fingerprints identify changes, and show if a plan contains only approved changes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from envsync.model.errors import PlanRefused
from envsync.model.target import TargetIdentity
from envsync.plan.change import Action, Change, FieldChange, Rejection
from envsync.plan.plan import Plan

UPDATE = Change(
    action=Action.UPDATE,
    scope="version",
    name="a",
    version="1",
    reason="metadata differs",
    fields=(FieldChange("tags.a", "1", "2"),),
)
ARCHIVE = Change(Action.ARCHIVE, "environment", "old", None, "no file declares it")
REJECTION = Rejection(code="immutable", name="b", version=None, message="why", fix="fix")
PLAN = Plan(
    project="p",
    target=TargetIdentity("dev", "local", "x"),
    changes=(UPDATE, ARCHIVE),
    rejections=(REJECTION,),
)
APPROVED = PLAN.fingerprints.values()


def test_the_key_of_a_fingerprint_is_the_action_and_the_address() -> None:
    assert list(PLAN.fingerprints) == ["update a:1", "archive old", "reject b"]


def test_a_fingerprint_is_long_enough_to_prevent_collisions() -> None:
    assert {len(item) for item in APPROVED} == {40}


@pytest.mark.parametrize(
    "explained",
    [
        {"reason": "because"},
        {"predecessor": "0"},
        {"differs": (FieldChange("tags.a", "0", "1"),)},
    ],
)
def test_a_fingerprint_does_not_depend_on_explanations(explained: dict[str, Any]) -> None:
    changed = replace(PLAN, changes=(replace(UPDATE, **explained), ARCHIVE))

    assert changed.fingerprints == PLAN.fingerprints


@pytest.mark.parametrize(
    "change",
    [
        replace(UPDATE, fields=(FieldChange("tags.a", "1", "3"),)),
        replace(UPDATE, fields=(FieldChange("tags.a", "0", "2"),)),
        replace(UPDATE, fields=()),
        replace(UPDATE, owner="another"),
        replace(UPDATE, name="aa"),
        replace(UPDATE, version="2"),
        replace(ARCHIVE, action=Action.RESTORE),
        replace(ARCHIVE, name="older"),
        replace(ARCHIVE, scope="version", name="old", version="1"),
    ],
)
def test_a_change_that_differs_from_the_approved_change_is_not_approved(change: Change) -> None:
    assert not replace(PLAN, changes=(change,)).is_left_of(APPROVED)
    # Two changes with the same action and address have the same key in `fingerprints`.
    assert not replace(PLAN, changes=(change, UPDATE, ARCHIVE)).is_left_of(APPROVED)
    assert not replace(PLAN, changes=(UPDATE, change)).is_left_of(APPROVED)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, project="q"),
        replace(PLAN, target=TargetIdentity("prod", "local", "x")),
        replace(PLAN, target=TargetIdentity("dev", "workspace", "x")),
        replace(PLAN, target=TargetIdentity("dev", "local", "y")),
    ],
)
def test_an_approval_is_not_valid_for_another_project_or_target(other: Plan) -> None:
    assert not other.is_left_of(APPROVED)
    with pytest.raises(PlanRefused, match="plan-stale"):
        other.ensure_approved(PLAN.digest, APPROVED)


@pytest.mark.parametrize("changes", [(UPDATE,), (ARCHIVE,), (ARCHIVE, UPDATE)])
def test_the_remaining_changes_of_an_approved_plan_are_approved(
    changes: tuple[Change, ...],
) -> None:
    left = replace(PLAN, changes=changes, rejections=())

    assert left.is_left_of(APPROVED)
    left.ensure_approved(PLAN.digest, APPROVED)


def test_the_remaining_changes_are_refused_if_only_the_approved_digest_is_known() -> None:
    with pytest.raises(PlanRefused, match="plan-stale"):
        replace(PLAN, changes=(UPDATE,)).ensure_approved(PLAN.digest)


def test_the_fingerprint_of_a_rejection_approves_no_change() -> None:
    assert not PLAN.is_left_of([PLAN.fingerprints["reject b"]])
