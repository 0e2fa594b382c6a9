"""Problems as JSON data."""

from __future__ import annotations

import pytest

from envsync.model.problem import Problem, problems_json
from envsync.plan.change import FieldChange

PROBLEM = Problem(
    rule="unknown-field",
    severity="error",
    message="No such field.",
    file="environments/a.yml",
    line=3,
    column=1,
    fix="Remove it.",
)


def test_a_problem_is_equal_after_a_json_round_trip() -> None:
    assert Problem.from_json(PROBLEM.to_json()) == PROBLEM
    assert Problem.from_json(PROBLEM.to_json() | {"fields": []}) == PROBLEM


@pytest.mark.parametrize("data", [{}, [], None, {"rule": "x"}])
def test_json_that_does_not_describe_a_problem_is_refused(data: object) -> None:
    with pytest.raises((KeyError, TypeError)):
        Problem.from_json(data)


def test_only_problems_about_an_edit_have_fields() -> None:
    field = FieldChange("image", "a", "b")
    found = problems_json([PROBLEM], files=2, environments=1)
    edited = problems_json([PROBLEM], files=2, environments=1, fields={PROBLEM: [field]})

    assert found == {
        "format_version": 1,
        "files": 2,
        "environments": 1,
        "problems": [PROBLEM.to_json()],
    }
    assert edited["problems"] == [PROBLEM.to_json() | {"fields": [field.to_json()]}]
