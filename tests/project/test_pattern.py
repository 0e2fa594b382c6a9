"""Tests of regular expressions that users write."""

from __future__ import annotations

import pytest

from envsync.model.errors import EnvsyncError
from envsync.project.pattern import MAX_LENGTH, Pattern


def test_a_pattern_matches_a_whole_text_or_a_part() -> None:
    pattern = Pattern("[a-z]+-v[0-9]", "x.yml:1")

    assert pattern.matches("sklearn-v1")
    assert not pattern.matches("sklearn-v12")
    assert pattern.is_in("sklearn-v12")
    assert not pattern.is_in("sklearn")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(", "missing"),
        ("a{99999999999}", "repeat count too big"),
        ("(" * MAX_LENGTH, "recursion"),
        ("a" * (MAX_LENGTH + 1), "more than 1,000 characters"),
    ],
)
def test_an_invalid_pattern_is_a_value_error(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Pattern(text, "x.yml:1")


@pytest.mark.parametrize("text", ["(a|a)*b", "(a|aa)+b", "(a|c|aa)*b[0-9]"])
def test_the_error_of_a_slow_match_contains_the_position_and_the_pattern(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a limit, each of these matches takes years.
    monkeypatch.setattr("envsync.project.pattern.TIME_LIMIT", 0.05)
    pattern = Pattern(text, "x.yml:1")

    for match in (pattern.matches, pattern.is_in):
        with pytest.raises(EnvsyncError, match=r"x\.yml:1: the regular expression") as caught:
            match("a" * 250 + "!b")
        assert f"`{text}`" in str(caught.value)
