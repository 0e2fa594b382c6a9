"""Positions on a timeline."""

from __future__ import annotations

from envsync.render.html.timeline import WIDTH, positions

FIRST, LAST = "2026-01-01T00:00:00Z", "2026-01-03T00:00:00+00:00"


def test_a_position_is_proportional_to_the_time() -> None:
    assert positions([FIRST, "2026-01-02T00:00:00Z", LAST], FIRST, LAST) == [12, 300, 588]


def test_versions_of_the_same_moment_stand_side_by_side() -> None:
    assert positions([FIRST, FIRST], FIRST, LAST) == [12, 28]
    assert positions([LAST, LAST], FIRST, LAST) == [572, 588]


def test_many_versions_and_unknown_times_stay_on_the_line_in_their_order() -> None:
    found = positions(["", "no time", *[LAST] * 300], FIRST, LAST)

    assert found == sorted(found)
    assert min(found) >= 12
    assert max(found) <= WIDTH - 12
