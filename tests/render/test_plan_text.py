"""Plans as text for a terminal of 80 columns, with and without colour."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from envsync.model.canonical import JSON
from envsync.model.declaration import Declaration
from envsync.model.policy import Policy
from envsync.model.state import State
from envsync.model.target import TargetIdentity
from envsync.model.wording import printable
from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection
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

  + create   pydata:2    new version after 1
      conda_file.dependencies  + python=3.11
                               + pip=24.0
                               + pip:
                               +   numpy==1.26.4
                               +   pandas==2.2.3
      description              (none) → "Pandas and friends"
      tags.owner               (none) → "ml-platform"

  - archive  shared:1    no file declares it
  - archive  sleeping:2  stays hidden when the name is restored
  ^ restore  sleeping    archived, although a file declares it

  ~ update   tensor:1    metadata differs
      description              - "short"
                               + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                                 yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
      tags.old                 "1" → (none)
      tags.owner               "a" → "b"

  + create   torch:4     new version after 3
      build.context            ~ Dockerfile

  ! reject   context:1   immutable
      build.context            ~ Dockerfile
                               + new
                               - old
      context:1 is already registered with a different build. Registered
        versions cannot change. (environments/context-1.yml:1)
      fix: envsync bump context

@latest
  gone    1 → (none)
  pydata  1 → 2
  torch   3 → 4

Warning: shared: the plan leaves versions of other owners active: 2.

Plan: 2 create, 1 update, 3 archive, 1 restore, 1 unchanged, 1 rejected.
Digest sha256:c1b78fd6bb905c4e6740121c78da53e899a021aa7d4739afec9c771228c1a277
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

    assert "new version after 1, no field differs, held back" in plan_text(plan)


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


IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
FIELDS = (
    FieldChange("image", None, f"{IMAGE}:2"),
    FieldChange("conda_file", None, {"dependencies": ["python=3.11", "lightgbm=4.5.0"]}),
    FieldChange("description", None, "About"),
)
DIFFERS = (
    FieldChange("image", f"{IMAGE}:1", f"{IMAGE}:2"),
    FieldChange("conda_file.dependencies[1]", None, "lightgbm=4.5.0"),
)
WORKSPACE = TargetIdentity(
    "dev",
    "workspace",
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ml-dev"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws-dev",
)


def create(name: str = "a", after: str | None = "1") -> Change:
    """Returns a create. `after` is the predecessor, or None for the first version."""
    return Change(
        action=Action.CREATE,
        scope="version",
        name=name,
        version="2",
        reason=f"new version after {after}" if after else "not in the target",
        fields=FIELDS,
        predecessor=after,
        differs=DIFFERS if after else (),
    )


def body(*changes: Change, full: bool = False, width: int = 80) -> str:
    """Returns the changes of a plan as text, without the target, the summary and the digest."""
    text = plan_text(Plan(PROJECT, TARGET, changes), full=full, width=width)
    return text.split("\n\n", 1)[1].rsplit("\n\n", 1)[0]


def test_a_new_version_shows_only_what_differs_from_its_predecessor() -> None:
    assert body(create(), width=120) == (
        "  + create   a:2  new version after 1\n"
        f'      image                    - "{IMAGE}:1"\n'
        f'                               + "{IMAGE}:2"\n'
        "      conda_file.dependencies  + lightgbm=4.5.0"
    )


def test_a_new_version_shows_all_other_fields_as_well_if_full_is_set() -> None:
    assert body(create(), width=120, full=True) == (
        "  + create   a:2  new version after 1\n"
        f'      image                    - "{IMAGE}:1"\n'
        f'                               + "{IMAGE}:2"\n'
        "      conda_file.dependencies  + lightgbm=4.5.0\n"
        "                                 python=3.11\n"
        '      description              "About"'
    )


CONDA: JSON = {
    "channels": ["nodefaults", "conda-forge"],
    "dependencies": ["python=3.12", "scipy=1", {"pip": ["b==2", "a==1"]}],
    "variables": {"A": "2", "B": "3"},
}


@pytest.mark.parametrize(
    ("differs", "text"),
    [
        (
            [
                FieldChange("conda_file.channels", [*"ab"], [*"ba"]),
                FieldChange("conda_file.dependencies[0]", "python=3.11", "python=3.12"),
            ],
            """\
      conda_file.channels      reordered
                               b
                               a
      conda_file.dependencies  ~ python=3.11 → python=3.12
                                 scipy=1
                                 pip:
                                   b==2
                                   a==1
      conda_file.variables     A: 2
                               B: 3""",
        ),
        (
            [FieldChange("conda_file.dependencies[2].pip[1]", None, "a==1")],
            """\
      conda_file.dependencies.pip  + a==1
      conda_file.channels          nodefaults
                                   conda-forge
      conda_file.dependencies      python=3.12
                                   scipy=1
                                   pip:
                                     b==2
      conda_file.variables         A: 2
                                   B: 3""",
        ),
        (
            [
                FieldChange("conda_file.dependencies[2].pip", ["a==1", "b==2"], ["b==2", "a==1"]),
                FieldChange("conda_file.dependencies[1]", None, "scipy=1"),
                FieldChange("conda_file.variables.A", "1", "2"),
            ],
            """\
      conda_file.dependencies.pip  reordered
                                   b==2
                                   a==1
      conda_file.dependencies      + scipy=1
                                     python=3.12
      conda_file.variables.A       "1" → "2"
      conda_file.channels          nodefaults
                                   conda-forge
      conda_file.variables         B: 3""",
        ),
        (
            [
                FieldChange(
                    "conda_file.dependencies",
                    ["scipy=1", "python=3.12", {"pip": ["b==2", "a==1"]}],
                    ["python=3.12", "scipy=1", {"pip": ["b==2", "a==1"]}],
                ),
                FieldChange("conda_file.dependencies[2].pip[0]", "b==1", "b==2"),
            ],
            """\
      conda_file.dependencies      reordered
                                   python=3.12
                                   scipy=1
                                   pip:
                                     a==1
      conda_file.dependencies.pip  ~ b==1 → b==2
      conda_file.channels          nodefaults
                                   conda-forge
      conda_file.variables         A: 2
                                   B: 3""",
        ),
        (
            [FieldChange("conda_file", None, CONDA)],
            """\
      conda_file.channels      + nodefaults
                               + conda-forge
      conda_file.dependencies  + python=3.12
                               + scipy=1
                               + pip:
                               +   b==2
                               +   a==1
      conda_file.variables     + A: 2
                               + B: 3""",
        ),
    ],
)
def test_no_line_is_repeated_if_full_is_set(differs: list[FieldChange], text: str) -> None:
    fields = (FieldChange("conda_file", None, CONDA),)
    change = replace(create(), fields=fields, differs=tuple(differs))

    assert body(change, full=True).split("\n", 1)[1] == text


def test_a_first_version_shows_every_field() -> None:
    assert body(create(after=None), width=120) == (
        "  + create   a:2  not in the target\n"
        f'      image                    "{IMAGE}:2"\n'
        "      conda_file.dependencies  python=3.11\n"
        "                               lightgbm=4.5.0\n"
        '      description              "About"'
    )


def test_a_new_version_without_differences_has_a_note() -> None:
    change = replace(create(), differs=())

    assert body(change) == "  + create   a:2  new version after 1, no field differs"


def test_values_of_all_changes_share_one_column() -> None:
    update = Change(
        Action.UPDATE, "version", "b", "1", "metadata differs", (FieldChange("tags.x", "1", "2"),)
    )
    lines = body(create(), update).splitlines()

    assert '      tags.x                   "1" → "2"' in lines


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_value_begins_beside_the_name_of_its_field(width: int) -> None:
    update = Change(
        Action.UPDATE,
        "version",
        "b",
        "1",
        "metadata differs",
        (
            FieldChange("description", "x" * 200, "y" * 200),
            FieldChange("tags." + "k" * 90, "1", "2"),
        ),
    )
    lines = body(create(), create("c", after=None), update, width=width).splitlines()

    assert max(map(cell_len, lines)) <= width
    # A line that contains only the name of a field is allowed only if the name is wrapped.
    alone = [line for line in lines if re.fullmatch(r" {6}[a-z]\S*", line)]
    assert [line for line in alone if "kkk" not in line] == []


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (50, "Target dev  workspace ws-dev"),
        (80, "Target dev  workspace ws-dev, resource group ml-dev"),
        (
            160,
            "Target dev  workspace ws-dev, resource group ml-dev, subscription "
            "11111111-2222-3333-4444-555555555555",
        ),
    ],
)
def test_the_target_line_fits_the_terminal(width: int, line: str) -> None:
    assert plan_text(Plan(PROJECT, WORKSPACE), width=width).splitlines()[0] == line


def test_a_long_id_of_another_target_is_cut_in_the_middle() -> None:
    target = TargetIdentity("shared", "registry", "azureml://registries/" + "r" * 80)
    line = plan_text(Plan(PROJECT, target)).splitlines()[0]

    assert line.startswith("Target shared  registry azureml://registries/")
    assert ("…" in line, cell_len(line)) == (True, 80)


def test_the_target_line_has_the_whole_id_if_full_is_set() -> None:
    line = plan_text(Plan(PROJECT, WORKSPACE), full=True).splitlines()[0]

    assert line == f"Target dev  workspace {WORKSPACE.id}"


def test_a_plan_with_many_changes_has_one_line_for_each_change() -> None:
    plan = Plan(PROJECT, TARGET, tuple(create(f"e{n:02}") for n in range(41)))
    lines = plan_text(plan).splitlines()

    assert lines[1:6] == [
        "Plan: 41 create, 0 unchanged.",
        "One line for each of 41 changes; -v shows their fields.",
        "",
        "  + create   e00:2  new version after 1",
        "  + create   e01:2  new version after 1",
    ]
    assert lines[-3:-1] == ["", "Plan: 41 create, 0 unchanged."]
    assert "lightgbm" not in plan_text(plan)
    assert plan_text(plan, full=True).count("+ lightgbm") == 41


def test_a_plan_with_forty_changes_shows_their_fields() -> None:
    plan = Plan(PROJECT, TARGET, tuple(create(f"e{n:02}") for n in range(40)))

    assert plan_text(plan).count("+ lightgbm") == 40
    assert plan_text(plan).count("Plan: ") == 1


def test_rejections_are_shown_whole_in_a_plan_with_many_changes() -> None:
    rejection = Rejection("immutable", "r", "1", "It is fixed.", "envsync bump r", DIFFERS)
    plan = Plan(PROJECT, TARGET, tuple(create(f"e{n:02}") for n in range(41)), (rejection,))

    assert "  ! reject   r:1    immutable\n      image " in plan_text(plan)
    assert "      fix: envsync bump r\n" in plan_text(plan)


def test_a_long_reason_is_wrapped_in_its_column() -> None:
    lines = body(replace(create("n" * 30), reason=" ".join(["reason"] * 8))).splitlines()

    assert max(map(cell_len, lines)) <= 80
    assert lines[1].startswith(" " * 47 + "reason")


LONG = "team-with-a-long-name-churn-prediction-training-environment-for-gpu-clusters"


def test_a_reason_is_below_a_name_that_leaves_no_room_beside_it() -> None:
    reason = "no file declares it, and no version of it belongs to another project"
    change = Change(Action.ARCHIVE, "environment", LONG, None, reason)
    short = Change(Action.ARCHIVE, "environment", "old", None, "no file declares it")

    assert body(change, short) == (
        f"  - archive  {LONG}\n      {reason}\n\n  - archive  old  no file declares it"
    )


def test_a_reason_stands_beside_a_long_name_if_it_fits() -> None:
    change = Change(Action.ARCHIVE, "environment", LONG[:45], None, "old")

    assert body(change, create()) == (f"  - archive  {LONG[:45]}  old\n\n" + body(create()))


def test_a_reason_stands_below_its_name_in_a_narrow_terminal() -> None:
    change = Change(Action.ARCHIVE, "environment", LONG[:15], None, "no file declares it")

    assert body(change, width=40) == f"  - archive  {LONG[:15]}\n      no file declares it"


def test_a_long_name_does_not_move_the_other_rows_of_latest() -> None:
    latest = (LatestChange(LONG, "1", "2"), LatestChange("a", "9", "10"))
    text = plan_text(Plan(PROJECT, TARGET, latest=latest))

    assert f"@latest\n  {LONG}\n      1 → 2\n  a  9 → 10\n" in text


def test_a_long_name_in_a_plan_with_many_changes_has_its_reason_below() -> None:
    changes = (*(create(f"e{n:02}") for n in range(41)), create(LONG))
    lines = plan_text(Plan(PROJECT, TARGET, changes)).splitlines()

    assert max(len(line) for line in lines if LONG not in line) <= 80
    assert lines[lines.index(f"  + create   {LONG}:2") + 1] == "      new version after 1"


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
