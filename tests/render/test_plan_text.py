"""Plans as text for a terminal of 80 columns, with and without colour."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from envsync.model.declaration import Declaration
from envsync.model.policy import Policy
from envsync.model.state import State
from envsync.model.wording import printable
from envsync.plan.change import FieldChange
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.render.paint import columns, painter, shorten
from envsync.render.plan_text import plan_text, summary_text
from envsync.render.values import value_text
from tests.builders import (
    PROJECT,
    TARGET,
    built,
    conda,
    container,
    declared,
    image,
    registered,
    state,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def example() -> Plan:
    desired: list[Declaration] = [
        declared(
            "pydata",
            "2",
            conda("python=3.11", "pip=24.0", {"pip": ["numpy==1.26.4", "pandas==2.2.3"]}),
            "Pandas and friends",
            {"owner": "ml-platform"},
        ),
        declared("tensor", "1", description="x" * 40 + " " + "y" * 40, tags={"owner": "b"}),
        declared("torch", None, built(Dockerfile="2")),
        declared("context", "1", built(Dockerfile="2", new="1")),
        declared("sleeping", "1"),
    ]
    actual: State = state(
        container("pydata", "1"),
        container("tensor", registered("tensor", "1", None, "short", {"owner": "a", "old": "1"})),
        container("torch", registered("torch", "3", built(Dockerfile="1"))),
        container("context", registered("context", "1", built(Dockerfile="1", old="1"))),
        container("sleeping", "1", "2", archived=True),
        container("gone", "1"),
        container("shared", "1", registered("shared", "2", owner="other")),
    )
    return make_plan(desired, actual, Policy(PROJECT), TARGET)


EXPECTED = """\
Target local  local .envsync/local.db

  - archive  gone        no file declares it

  + create   pydata:2    not in the target
      image        "mcr.microsoft.com/base:1"
      conda_file   dependencies: python=3.11, pip=24.0, [pip: numpy==1.26.4,
                   pandas==2.2.3]
      description  "Pandas and friends"
      tags.owner   "ml-platform"

  - archive  shared:1    no file declares it
  - archive  sleeping:2  stays hidden when the name is restored
  ^ restore  sleeping    a file declares it, and it is archived

  ~ update   tensor:1    metadata differs
      description
        - "short"
        + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
          yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
      tags.old     "1" → (none)
      tags.owner   "a" → "b"

  + create   torch:4     new content, supersedes 3
      build.context          sha256:9c68a59e395a…
      build.dockerfile_path  "Dockerfile"

  ! reject   context:1   immutable
      build.context  sha256:a81aec3e5939… → sha256:a4865848cb04…
        ~ Dockerfile
        + new
        - old
      context:1 is already registered with a different build. Registered
        versions cannot change. (environments/context-1.yml:1)
      fix: envsync bump context

@latest
  gone      1 → (none)
  pydata    1 → 2
  sleeping  (none) → 1
  torch     3 → 4

Warning: shared: the plan leaves versions of other owners active: 2.

Plan: 2 create, 1 update, 3 archive, 1 restore, 1 unchanged, 1 rejected.
Digest sha256:1033e98a653b18941f275b55578062b6d8c028e93dd1b18a15c4c3e6c983b159
"""


def test_a_plan_with_every_part_is_rendered_for_eighty_columns() -> None:
    assert plan_text(example()) == EXPECTED


def test_colour_changes_no_character() -> None:
    colored = plan_text(example(), color=True)

    assert "\x1b[" in colored
    assert ANSI.sub("", colored) == plan_text(example())


def test_only_lines_with_one_long_word_are_wider_than_the_terminal() -> None:
    for width in (80, 100, 120):
        lines = plan_text(example(), width=width).splitlines()
        assert max(map(cell_len, lines)) <= width


def test_the_summary_of_an_empty_plan_is_one_line() -> None:
    plan = Plan(PROJECT, TARGET, unchanged=3)

    assert plan_text(plan) == (
        "Target local  local .envsync/local.db\n\n"
        "No changes. The target matches the files: 3 unchanged.\n"
    )


def test_the_summary_leaves_out_zero_counts() -> None:
    plan = make_plan([declared("a", "1")], {}, Policy(PROJECT), TARGET)

    assert summary_text(plan, painter(False)) == "Plan: 1 create, 0 unchanged."


def test_a_refused_plan_shows_the_reason() -> None:
    plan = make_plan([], state(container("a", "1")), Policy(PROJECT), TARGET)

    assert "Refused: No file declares an environment" in plan_text(plan)


def test_changes_that_a_rejection_holds_back_are_marked() -> None:
    plan = make_plan(
        [declared("a", "1", image("2")), declared("a", "2")],
        state(container("a", "1")),
        Policy(PROJECT),
        TARGET,
    )

    assert "not in the target, held back" in plan_text(plan)


def test_long_values_are_cut_unless_full_is_set() -> None:
    packages = [f"package-{number}==1.0" for number in range(60)]
    plan = make_plan([declared("a", "1", conda(*packages))], {}, Policy(PROJECT), TARGET)

    assert "package-59==1.0" not in plan_text(plan)
    assert "…" in plan_text(plan)
    assert "package-59==1.0" in plan_text(plan, full=True)


def test_control_characters_in_tags_are_escaped() -> None:
    nasty = "\x1b[2J\x07\u202e\nPlan: 0 create"
    plan = make_plan([declared("a", "1", tags={nasty: nasty})], {}, Policy(PROJECT), TARGET)
    text = plan_text(plan)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r'"\x1b[2J\x07\u202e\nPlan: 0' in text


@given(st.text())
def test_a_printable_string_is_one_line_without_control_characters(text: str) -> None:
    assert "\n" not in printable(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", printable(text))


@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"])), st.integers(2, 30))
def test_a_shortened_string_fits_the_width(text: str, width: int) -> None:
    assert cell_len(shorten(text, width)) <= width


def test_columns_align_wide_characters() -> None:
    assert columns([("名前", "1"), ("a", "22")]) == ["名前  1", "a     22"]
    assert columns([]) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(none)"),
        ("", '""'),
        ("1.10", '"1.10"'),
        (1.5, "1.5"),
        (True, "true"),
        ("sha256:" + "0" * 64, "sha256:000000000000…"),
        (["a", {"pip": ["b", 1]}], "a, [pip: b, 1]"),
        ({"name": "x", "n": None}, "name: x; n: null"),
    ],
)
def test_values_are_shown_without_json_syntax(value: object, text: str) -> None:
    assert value_text(FieldChange("x", None, value).after) == text  # type: ignore[arg-type]
