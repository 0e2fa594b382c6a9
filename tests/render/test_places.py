"""Paths in problems, plans and bumps, replaced by the paths that the text output shows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envsync.model.declaration import Source
from envsync.model.problem import Problem
from envsync.plan.bump import Bump
from envsync.plan.change import Rejection
from envsync.plan.plan import Plan
from envsync.render.places import in_sentence, placed_bumps, placed_plan, placed_problems
from tests.builders import PROJECT, TARGET


def place(file: str) -> str:
    return f"../{file}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`a:1` is already declared in e/a.yml:3.", "`a:1` is already declared in ../e/a.yml:3."),
        ("but e/a.yaml:3:5 declares it", "but ../e/a.yaml:3:5 declares it"),
        ("(e/a.yml:3)", "(../e/a.yml:3)"),
        ("e/a.yml:3: broken", "../e/a.yml:3: broken"),
        # A known file needs no line.
        ("Delete known.yml, or list it.", "Delete ../known.yml, or list it."),
        ("Remove known.yml.", "Remove ../known.yml."),
        # The user wrote these words, or they are not known files.
        ("The image `r/a.yml:3` is invalid.", "The image `r/a.yml:3` is invalid."),
        ("The image 'r/a.yml:3' is invalid.", "The image 'r/a.yml:3' is invalid."),
        ("List it in `exclude` in envsync.yaml.", "List it in `exclude` in envsync.yaml."),
        ("Run envsync bump a:1.", "Run envsync bump a:1."),
        ("", ""),
    ],
)
def test_paths_with_a_line_and_paths_of_known_files_are_replaced_in_a_sentence(
    text: str, shown: str
) -> None:
    assert in_sentence(text, ("known.yml",), place) == shown


def test_every_path_in_a_problem_is_replaced_by_the_path_for_the_user() -> None:
    problem = Problem("r", "error", "Declared in e/b.yml:2.", "e/a.yml", 1, 5, "See e/c.yml:9.")

    assert placed_problems([problem], place) == (
        replace(
            problem, file="../e/a.yml", message="Declared in ../e/b.yml:2.", fix="See ../e/c.yml:9."
        ),
    )


def test_paths_in_a_plan_are_replaced_by_paths_for_the_user_and_the_digest_stays() -> None:
    rejection = Rejection(
        "still-there",
        "a",
        "1",
        "No file declares a:1.",
        "Correct e/a.yml.",
        (),
        Source("e/a.yml", 1),
    )
    plan = Plan(
        PROJECT,
        TARGET,
        rejections=(rejection, replace(rejection, source=None)),
        warnings=("envsync.yaml:3: no name matches `x`.",),
    )
    shown = placed_plan(plan, place)

    assert [item.source for item in shown.rejections] == [Source("../e/a.yml", 1), None]
    assert [item.fix for item in shown.rejections] == ["Correct ../e/a.yml.", "Correct e/a.yml."]
    assert shown.warnings == ("../envsync.yaml:3: no name matches `x`.",)
    assert shown.digest == plan.digest


def test_the_path_in_a_bump_is_replaced_by_the_path_for_the_user() -> None:
    bump = Bump("a", "1", "2", Source("e/a.yml", 3))

    assert placed_bumps([bump], place) == [Bump("a", "1", "2", Source("../e/a.yml", 3))]
