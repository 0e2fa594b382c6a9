"""Changes and rejections as JSON data."""

from __future__ import annotations

import pytest

from envsync.model.declaration import Source
from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection


def test_the_json_of_a_change_has_its_reason_fields_and_source() -> None:
    change = Change(
        Action.UPDATE,
        "version",
        "a",
        "1",
        "metadata differs",
        (FieldChange("tags.x", None, "1"),),
        Source("environments/a.yml", 3),
        "other",
    )

    assert change.to_json() == {
        "action": "update",
        "scope": "version",
        "name": "a",
        "version": "1",
        "reason": "metadata differs",
        "owner": "other",
        "fields": [{"path": "tags.x", "before": None, "after": "1"}],
        "source": {"file": "environments/a.yml", "line": 3},
        "predecessor": None,
        "differs": [],
    }


def test_the_json_of_a_change_without_declaration_has_no_fields_and_a_null_source() -> None:
    change = Change(Action.ARCHIVE, "environment", "a", None, "no file declares it")

    assert change.to_json() == {
        "action": "archive",
        "scope": "environment",
        "name": "a",
        "version": None,
        "reason": "no file declares it",
        "owner": None,
        "fields": [],
        "source": None,
        "predecessor": None,
        "differs": [],
    }
    # An archive writes no declaration and restores nothing.
    assert (change.desired, change.keep_archived) == (None, ())


def test_a_change_that_was_read_from_json_shows_the_same_to_a_reviewer() -> None:
    # The digest covers neither the predecessor nor `differs`, so equality does not compare them.
    change = Change(
        Action.CREATE,
        "version",
        "a",
        "2",
        "new version after 1",
        predecessor="1",
        differs=(FieldChange("image", "x:1", "x:2"),),
    )

    read = Change.from_json(change.to_json())

    assert (read.predecessor, read.differs) == (change.predecessor, change.differs)
    assert read.to_json() == change.to_json()


def test_the_json_of_a_rejection_has_its_message_and_fix() -> None:
    files = {"Dockerfile": "modified"}
    rejection = Rejection(
        "immutable",
        "a",
        "1",
        "a:1 differs.",
        "envsync bump a",
        (FieldChange("build.context", "sha256:a", "sha256:b", files),),
        Source("environments/a.yml", 3),
    )

    assert rejection.to_json() == {
        "code": "immutable",
        "name": "a",
        "version": "1",
        "message": "a:1 differs.",
        "fix": "envsync bump a",
        "fields": [
            {"path": "build.context", "before": "sha256:a", "after": "sha256:b", "files": files}
        ],
        "source": {"file": "environments/a.yml", "line": 3},
    }


def test_the_json_of_a_rejection_without_declaration_has_no_fields_and_a_null_source() -> None:
    json = Rejection("foreign-owner", "a", "1", "why", "how").to_json()

    assert (json["fields"], json["source"]) == ([], None)


def test_the_json_of_a_latest_change_has_null_if_no_version_is_active_afterwards() -> None:
    assert LatestChange("a", "1", None).to_json() == {
        "name": "a",
        "before": "1",
        "after": None,
        "uses": [],
    }


def test_a_field_change_lists_no_files_by_default() -> None:
    assert FieldChange("image", "x", "y").files == {}


@pytest.mark.parametrize(("version", "address"), [("1", "a:1"), (None, "a")])
def test_an_address_identifies_a_version_or_a_whole_environment(
    version: str | None, address: str
) -> None:
    assert Change(Action.ARCHIVE, "version", "a", version, "why").address == address
    assert Rejection("immutable", "a", version, "why", "how").address == address
