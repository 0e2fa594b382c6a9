"""References to environments of registries that move to a newer version."""

from __future__ import annotations

from envsync.model.reference import Reference
from envsync.plan.reference_moves import ReferenceMove

TEXT = "azureml://registries/shared/environments/a"


def test_the_json_of_a_move_has_both_versions_and_the_reason_against_it() -> None:
    reference = Reference(
        "job.yml",
        3,
        7,
        f"{TEXT}/versions/1",
        "registry-version",
        name="a",
        version="1",
        registry="shared",
    )
    common = {
        "file": "job.yml",
        "line": 3,
        "column": 7,
        "registry": "shared",
        "name": "a",
        "before": "1",
        "after": "2",
    }
    move, refused = ReferenceMove(reference, "2"), ReferenceMove(reference, "2", "It is a symlink.")

    assert move.text == f"{TEXT}/versions/2"
    assert move.to_json() == common | {"changed": True, "reason": None}
    assert refused.to_json() == common | {"changed": False, "reason": "It is a symlink."}


def test_the_move_of_a_label_starts_at_latest() -> None:
    reference = Reference(
        "job.yml", 3, 7, f"{TEXT}/labels/latest", "registry-label", label="latest"
    )
    move = ReferenceMove(reference, "2")

    assert (move.before, move.text) == ("latest", f"{TEXT}/versions/2")
