"""The view of a plan, which is the input of all renderers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import given
from msgspec import Struct
from msgspec.structs import astuple

from envsync.plan.change import Action
from envsync.plan.plan import Plan
from envsync.render.field_view import FieldView, ItemLine
from envsync.render.plan_view import ItemView, LatestView, view
from tests.builders import PROJECT, TARGET
from tests.render.hostile import plan_of, texts, values
from tests.render.test_plan_text import example


def test_the_view_contains_every_part_of_a_plan() -> None:
    shown = view(example())

    assert (shown.target, shown.kind, shown.id) == ("local", "local", ".envsync/local.db")
    assert dict(shown.counts) == {
        Action.CREATE: 2,
        Action.UPDATE: 1,
        Action.ARCHIVE: 3,
        Action.RESTORE: 1,
    }
    assert (shown.unchanged, shown.is_empty, shown.refused) == (1, False, None)
    assert [(item.sign, item.action, item.address) for item in shown.changes] == [
        ("-", "archive", "gone"),
        ("+", "create", "pydata:2"),
        ("-", "archive", "shared:1"),
        ("-", "archive", "sleeping:2"),
        ("^", "restore", "sleeping"),
        ("~", "update", "tensor:1"),
        ("+", "create", "torch:4"),
    ]
    assert shown.rejections == (
        ItemView(
            "!",
            "reject",
            "context:1",
            "immutable",
            (
                FieldView(
                    "build.context",
                    "sha256:a81aec3e5939…",
                    "sha256:a4865848cb04…",
                    (
                        ItemLine("~", None, "Dockerfile"),
                        ItemLine("+", None, "new"),
                        ItemLine("-", "old", None),
                    ),
                ),
            ),
            "context:1 is already registered with a different build. Registered versions cannot "
            "change.",
            "envsync bump context",
            "environments/context-1.yml:1",
        ),
    )
    assert shown.latest == (
        LatestView("gone", "1 → (none)"),
        LatestView("pydata", "1 → 2"),
        LatestView("torch", "3 → 4"),
    )
    assert shown.digest == example().digest


def test_changes_that_a_rejection_holds_back_have_a_note() -> None:
    shown = view(plan_of("a"))

    assert [item.note for item in shown.changes] == [
        "a, held back",
        "a, held back",
        "a, held back",
    ]


def test_the_view_of_an_empty_plan_is_empty() -> None:
    shown = view(Plan(PROJECT, TARGET, unchanged=2))

    assert (shown.is_empty, dict(shown.counts), shown.changes) == (True, {}, ())


@given(texts, values)
def test_every_string_in_a_view_is_one_printable_line(text: str, value: object) -> None:
    found = list(strings(view(plan_of(text, value))))

    assert [item for item in found if re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]", item)] == []


def strings(value: object) -> Iterator[str]:
    """Yields every string in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)
    elif isinstance(value, Struct):
        for item in astuple(value):
            yield from strings(item)


def test_an_absent_value_is_none_and_an_empty_value_is_a_string() -> None:
    nothing, empty = (view(plan_of("x", value)).changes[0].fields[0] for value in (None, ""))

    assert (nothing.before, empty.before, empty.after) == (None, '""', '"x"')
