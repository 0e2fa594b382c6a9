"""Tests of the text about edits in the target."""

from __future__ import annotations

import pytest

from envsync.plan.change import Action, Change, FieldChange
from envsync.plan.drifted import Drifted
from envsync.plan.plan import Plan
from envsync.render.drifted import drifted_text
from envsync.render.plan_markdown import plan_body, plan_markdown
from envsync.render.plan_text import plan_text
from tests.builders import PROJECT, TARGET

WHO = ("Ada", "2026-01-01T00:00:00.1234567+00:00")


@pytest.mark.parametrize(
    ("drifted", "expected"),
    [
        (
            Drifted(("tags.owner",), True, *WHO),
            "drifted: tags.owner was changed by Ada at 2026-01-01T00:00:00Z",
        ),
        (
            Drifted(("description", "tags.a", "tags.b")),
            "drifted: description, tags.a and tags.b were changed in the target",
        ),
        (
            Drifted(("description", "tags.a"), False, *WHO),
            "drifted: the version was changed by Ada at 2026-01-01T00:00:00Z, possibly description "
            "or tags.a",
        ),
        (
            Drifted(tuple(f"tags.{key}" for key in range(12))),
            "drifted: tags.0, tags.1, tags.2, tags.3, tags.4, tags.5, tags.6, tags.7 and 4 more "
            "were changed in the target",
        ),
    ],
    ids=["one field", "nobody is named", "uncertain", "many fields"],
)
def test_an_edit_in_the_target_is_shown_on_one_line(drifted: Drifted, expected: str) -> None:
    assert drifted_text(drifted) == expected


def test_a_plan_shows_the_edit_below_its_change() -> None:
    field = FieldChange("tags.owner", "b", "a")
    drifted = Drifted(("tags.owner",), True, "Eve\n::error::`x`\x1b[2J\u202e", WHO[1])
    change = Change(Action.UPDATE, "version", "a", "1", "differs", (field,), drifted=drifted)
    plan = Plan(PROJECT, TARGET, (change,))

    line = (
        "drifted: tags.owner was changed by Eve\\n::error::`x`\\x1b[2J\\u202e at "
        "2026-01-01T00:00:00Z"
    )
    assert f"\n      {line}\n      tags.owner" in plan_text(plan, width=120)
    assert f"\n!   {line}\n-   tags.owner" in plan_markdown(plan)


def test_markdown_shows_edits_in_the_target_apart_from_pending_changes() -> None:
    field = FieldChange("tags.owner", "b", "a")
    edited = Change(
        Action.UPDATE, "version", "a", "1", "differs", (field,), drifted=Drifted(("tags.owner",))
    )
    archived = Change(Action.RESTORE, "version", "b", "1", "archived")
    pending = Change(Action.UPDATE, "version", "c", "1", "differs", (field,))
    sections = plan_body(Plan(PROJECT, TARGET, (edited, archived, pending))).split("\n**")[1:]

    assert [text.partition("**")[0] for text in sections] == [
        "Edited or archived in the target",
        "Pending from the files",
    ]
    assert "update   a:1" in sections[0]
    assert "restore  b:1" in sections[0]
    assert "update   c:1" in sections[1]


def test_markdown_has_no_section_for_edits_in_a_pull_request_or_without_edits() -> None:
    field = FieldChange("tags.owner", "b", "a")
    pending = Change(Action.UPDATE, "version", "c", "1", "differs", (field,))
    edited = Change(
        Action.UPDATE, "version", "a", "1", "differs", (field,), drifted=Drifted(("tags.owner",))
    )

    assert "\n**Changes**\n" in plan_body(Plan(PROJECT, TARGET, (pending,)))
    assert "Edited or archived" not in plan_body(Plan(PROJECT, TARGET, (edited,)), own={"a"})
