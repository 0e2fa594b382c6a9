"""Outcomes of an apply as text: aligned names, durations and the summary."""

from __future__ import annotations

import pytest

from envsync.plan.change import Action, Change
from envsync.plan.outcome import Outcome
from envsync.render.outcomes import applied_text, duration, outcome_column, outcome_text
from envsync.render.paint import painter

PLAIN = painter(False)


def change(name: str, action: Action = Action.CREATE) -> Change:
    return Change(action, "version", name, "1", "not in the target")


def test_the_names_of_outcomes_are_aligned() -> None:
    changes = [change("a"), change("longer", Action.UPDATE)]
    column = outcome_column(changes)

    assert [outcome_text(Outcome(item, "done"), PLAIN, column) for item in changes] == [
        "  + create   a:1       done",
        "  ~ update   longer:1  done",
    ]


def test_a_long_name_takes_at_most_half_of_the_terminal() -> None:
    assert outcome_column([change("a" * 200)], 80) == 40
    assert outcome_column([]) == 0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "done"),
        (0.02, "done"),
        (0.54, "done in 0.5 s"),
        (9.94, "done in 9.9 s"),
        (9.96, "done in 10 s"),
        (125.2, "done in 2 min 05 s"),
    ],
)
def test_only_durations_of_at_least_half_a_second_are_shown(
    seconds: float | None, shown: str
) -> None:
    outcome = Outcome(change("a"), "done", seconds=seconds)

    assert outcome_text(outcome, PLAIN) == f"  + create   a:1  {shown}"


def test_the_error_comes_after_the_duration() -> None:
    outcome = Outcome(change("a"), "failed", "The disk is\nfull.", seconds=3.0)

    assert outcome_text(outcome, PLAIN).endswith("a:1  failed in 3.0 s: The disk is\\nfull.")


@pytest.mark.parametrize(("seconds", "shown"), [(59.4, "59 s"), (59.6, "1 min 00 s")])
def test_a_duration_is_rounded_before_it_is_split_into_minutes(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_duration_is_neither_in_the_json_nor_compared() -> None:
    fast, slow = (Outcome(change("a"), "done", seconds=seconds) for seconds in (None, 5.0))

    assert fast == slow
    assert fast.to_json() == slow.to_json()


def test_the_summary_counts_outcomes_by_status() -> None:
    outcomes = [Outcome(change("a"), "skipped", "x"), Outcome(change("b"), "done")]

    assert applied_text(outcomes, None, PLAIN) == "Applied: 1 done, 1 skipped.\n"
