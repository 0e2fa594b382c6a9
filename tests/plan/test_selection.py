"""The names that a glob selects."""

from __future__ import annotations

import pytest

from envsync.model.errors import EnvsyncError
from envsync.plan.selection import ensure_possible, matches, selected
from tests.builders import declared


@pytest.mark.parametrize(
    ("glob", "expected"),
    [("a", True), ("a-dev", True), ("*-dev", True), ("A", False), ("a-", False), ("b", False)],
)
def test_a_glob_matches_a_name_with_or_without_the_suffix(glob: str, expected: bool) -> None:
    assert matches("a-dev", glob, "-dev") is expected


def test_globs_select_names_without_the_suffix_of_the_target() -> None:
    names = ["b-dev", "a-dev", "a"]

    assert selected(names, ["a"], None, suffix="-dev") == ["a", "a-dev"]
    assert selected(names, ["b"], None, suffix="-dev") == ["b-dev"]
    assert selected(names, [], {"a", "c"}, suffix="-dev") == ["a"]


@pytest.mark.parametrize(
    ("glob", "advice"),
    [
        ("environments/a-1.yml", "This is a path. Pass a name that is declared there: `a`."),
        ("a:1", "A GLOB selects an environment with all its versions. Pass `a` instead."),
    ],
)
def test_a_glob_that_cannot_be_a_name_is_refused_before_the_target_is_read(
    glob: str, advice: str
) -> None:
    with pytest.raises(EnvsyncError) as caught:
        ensure_possible(["a", glob], [declared("a", "1")])
    assert str(caught.value) == f"No declared or owned environment matches '{glob}'. {advice}"


def test_a_name_that_no_file_declares_is_accepted_until_the_target_is_read() -> None:
    ensure_possible(["b", "x*"], [declared("a", "1")])
