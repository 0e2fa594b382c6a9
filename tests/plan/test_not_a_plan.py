"""JSON that is not a plan: every mistake is refused with a message that names the key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from envsync.model.errors import EnvsyncError
from envsync.plan.plan import Plan
from envsync.render.annotations import plan_github
from envsync.render.plan_markdown import plan_markdown
from envsync.render.plan_text import plan_text
from tests.plan.test_plan import PLAN

WHOLE: dict[str, Any] = json.loads(json.dumps(PLAN.to_json()))
MISSING = object()
DIGEST = "sha256:" + "0" * 64


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yields the path of each value in JSON data."""
    for key in data if isinstance(data, dict) else range(len(data)):
        yield (*path, key)
        if isinstance(data[key], dict | list):
            yield from places(data[key], (*path, key))


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Returns the JSON of `PLAN` with another value at the path."""
    data: dict[str, Any] = json.loads(json.dumps(WHOLE))
    parent: Any = data
    for key in path[:-1]:
        parent = parent[key]
    if value is MISSING:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return data


@pytest.mark.parametrize("value", [MISSING, None, 5, 1.5, True, "x", [], [1], {}, {"a": 1}])
def test_the_refusal_of_a_malformed_plan_names_no_python_error(
    value: object,
) -> None:
    for path in places(WHOLE):
        data = changed(path, value)
        try:
            # Every value fits the digest, so that no plan is refused as edited.
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Plan, "digest", data.get("digest"))
                plan = Plan.from_json(data)
        except EnvsyncError as error:
            assert not re.search(r"KeyError|TypeError|Error\(|NoneType|isprintable", str(error))
        else:
            # The check has accepted this value, so every renderer must be able to show the plan.
            for render in (plan_text, plan_markdown, plan_github):
                assert isinstance(render(plan), str)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("project",), MISSING, "the key `project` is missing"),
        (("target", "id"), MISSING, "the key `id` is missing in `target`"),
        (
            ("changes", 0, "fields", 0, "path"),
            MISSING,
            "`path` is missing in `changes[0].",
        ),
        (("changes",), {}, "`changes` is not of the type array"),
        (("changes", 1), "x", "`changes[1]` is not of the type object"),
        (("changes", 0, "action"), "delete", 'is not one of "create", "update", "archive"'),
        (
            ("changes", 0, "source", "line"),
            True,
            "`changes[0].source.line` is not of the type",
        ),
        (("rejections", 0, "message"), None, "`rejections[0].message` is not of the type string"),
        (("warnings",), [5], "`warnings[0]` is not of the type string"),
        (("refused",), 5, "`refused` is not of the type string or null"),
        (("options",), {"digest": DIGEST, "globs": "a"}, "`options.globs` is not of the type"),
        (("options",), {"digest": DIGEST, "take_over": 1}, "`options.take_over` is not of"),
    ],
)
def test_the_message_names_the_first_wrong_value(
    path: tuple[str | int, ...], value: object, reason: str
) -> None:
    with pytest.raises(EnvsyncError) as caught:
        Plan.from_json(changed(path, value))

    assert str(caught.value).startswith("This is not a plan that envsync wrote: ")
    assert reason in str(caught.value)


def test_a_plan_with_an_unknown_change_of_a_file_is_refused() -> None:
    field = {"path": "build.context", "before": None, "after": None, "files": {"a.txt": "moved"}}
    with pytest.raises(EnvsyncError, match=r'files.a.txt` is not one of "added", "removed"'):
        Plan.from_json(changed(("changes", 0, "fields"), [field]))


def test_a_plan_with_the_value_nan_is_refused_as_edited() -> None:
    field = {"path": "conda_file.x", "before": float("nan"), "after": None}
    with pytest.raises(EnvsyncError, match="edited"):
        Plan.from_json(changed(("changes", 0, "fields"), [field]))
