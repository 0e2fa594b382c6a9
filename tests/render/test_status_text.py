"""A status as text, in wide and narrow terminals."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from envsync.plan.status import Key, Status, status
from envsync.render.paint import cells, painter
from envsync.render.status_text import status_summary, status_text
from tests.render.hostile import texts
from tests.render.statuses import cell, example, hostile

PLAIN = painter(False)


WIDE = """\
ENVIRONMENT  VERSION     dev           staging       shared-europe
pydata       3           ! pending     missing       unreachable
torch        2024-01-01  drifted       foreign       unreachable
auto         auto        in-sync 4     pending 3→4   unreachable
gone         1           archived      undeclared    unreachable

base         1           in-sync       in-sync       unreachable

auto         2 more      2 superseded  1 superseded  unreachable
base         0           superseded    -             unreachable

5 environments in 3 targets: 1 drifted, 1 foreign, 2 pending, 1 missing, 2 archived, 1 undeclared,
3 in-sync, 4 superseded. 1 rejected (!). Unreachable: shared-europe.
"""
NARROW = """\
ENVIRONMENT  VERSION     dev  staging  shared-europe
pydata       3           !~   +        ?
torch        2024-01-01  *    x        ?
auto         auto        = 4  ~ 3→4    ?
gone         1           ^    -        ?

base         1           =    =        ?

auto         2 more      2 .  1 .      ?
base         0           .             ?

* drifted, x foreign, ~ pending, + missing, ^ archived,
- undeclared, = in-sync, . superseded, ? unreachable,
! rejected

5 environments in 3 targets: 1 drifted, 1 foreign,
2 pending, 1 missing, 2 archived, 1 undeclared, 3 in-sync,
4 superseded. 1 rejected (!). Unreachable: shared-europe.
"""


@pytest.mark.parametrize(("width", "expected"), [(105, WIDE), (60, NARROW)])
def test_a_cell_is_a_symbol_in_a_narrow_terminal_and_a_word_in_a_wide_terminal(
    width: int, expected: str
) -> None:
    assert status_text(example(), PLAIN, width) == expected


def test_targets_that_do_not_fit_into_one_table_are_split_into_several_tables() -> None:
    text = status_text(example(), PLAIN, 44)
    assert re.findall("^ENV.*", text, re.MULTILINE) == [
        "ENVIRONMENT  VERSION     dev  staging",
        "ENVIRONMENT  VERSION     shared-europe",
    ]


def test_a_table_for_a_part_of_the_targets_has_no_empty_rows() -> None:
    first, second = "a-long-name-of-a-target", "another-long-name-of-a-target"
    found = status(
        {
            first: {Key("both", "1"): cell("in-sync"), Key("x", "1"): cell("missing")},
            second: {Key("both", "1"): cell("in-sync")},
        },
        {},
        {},
        targets=[first, second],
    )

    assert status_text(found, PLAIN, 45) == (
        "ENVIRONMENT  VERSION  a-long-name-of-a-target\n"
        "x            1        +\n"
        "\n"
        "both         1        =\n"
        "\n"
        "ENVIRONMENT  VERSION  another-long-name-of-a-target\n"
        "both         1        =\n"
        "\n"
        "+ missing, = in-sync\n"
        "\n"
        "2 environments in 2 targets: 1 missing,\n"
        "2 in-sync.\n"
    )


def test_a_name_without_the_suffix_of_the_target_has_its_own_row() -> None:
    found = {
        Key("a", "1"): cell("in-sync"),
        Key("a", "1", lacks_suffix=True): cell("foreign", declared=False),
    }

    assert status_text(status({"prod": found}, {}, {}, targets=["prod"]), PLAIN, 80) == (
        "ENVIRONMENT    VERSION  prod\n"
        "a (no suffix)  1        foreign\n"
        "\n"
        "a              1        in-sync\n"
        "\n"
        "2 environments in 1 target: 1 foreign, 1 in-sync.\n"
    )


def test_superseded_versions_and_reasons_are_shown_if_full_is_set() -> None:
    text = status_text(example(), PLAIN, 120, full=True)
    assert [line.split()[:3] for line in text.splitlines() if line.startswith("auto")] == [
        ["auto", "auto", "in-sync"],
        ["auto", "2", "superseded"],
        ["auto", "3", "superseded"],
    ]
    assert "dev  n:3  ! pending\n  pydata:3 is already registered with a different" in text


def many() -> Status:
    names = [f"{word}-environment-of-team-{number}" for word in ("a", "b") for number in range(100)]
    found = {Key(name, None): cell("pending", "12", before="11") for name in names}
    targets = [f"target-{number}" for number in range(5)]
    return status(dict.fromkeys(targets, found), {}, {}, targets=targets)


@pytest.mark.parametrize(("width", "first"), [(120, "pending 11→12"), (80, "~ 11→12")])
def test_two_hundred_environments_and_five_targets_fit_into_the_terminal(
    width: int, first: str
) -> None:
    table, *_ = status_text(many(), PLAIN, width).split("\n\n")
    assert max(map(cells, table.splitlines())) <= width
    assert table.count(first) == 1000
    assert len(table.splitlines()) == 201


def test_a_status_without_rows_shows_only_the_summary() -> None:
    empty = status({"dev": {}}, {}, {}, targets=["dev"])
    assert status_text(empty, PLAIN, 80) == "0 environments in 1 target.\n"


def test_colour_changes_no_character() -> None:
    colored = status_text(example(), painter(True), 80, full=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == status_text(example(), PLAIN, 80, full=True)
    assert "\x1b[" in colored


@given(texts)
def test_hostile_text_is_escaped(text: str) -> None:
    shown = status_text(hostile(text), PLAIN, 120, full=True)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert status_summary(hostile(text), PLAIN, 120).replace("\n", "").isprintable()
