"""Annotations of GitHub workflows, parsed as the runner parses them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from envsync.model.declaration import Source
from envsync.model.problem import Problem
from envsync.model.target import TargetIdentity
from envsync.model.use import Use
from envsync.model.wording import printable
from envsync.plan.change import LatestChange, Rejection
from envsync.plan.plan import Plan
from envsync.render.annotations import latest_github, plan_github, problems_github
from tests.render.hostile import plan_of, texts

Command = tuple[str, dict[str, str], str]


def commands(text: str) -> list[Command]:
    """Returns the name, properties and message of each line, as the runner unescapes them."""
    found = []
    for line in text.split("\n")[:-1]:
        match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert match, line
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        properties = {key: unescaped(value) for key, value in pairs}
        found.append((match[1], properties, unescaped(match[3])))
    return found


def unescaped(text: str) -> str:
    for escape, character in {"%3A": ":", "%2C": ",", "%0A": "\n", "%0D": "\r"}.items():
        text = text.replace(escape, character)
    return text.replace("%25", "%")


def problem(file: str = "environments/a.yml", message: str = "Wrong.", fix: str = "") -> Problem:
    return Problem("unknown-field", "error", message, file, 3, 7, fix)


def test_a_problem_is_an_annotation_on_its_line() -> None:
    warning = Problem("unpinned-image", "warning", "No tag.", "b.yml", 1, 1, "Name one.")

    assert problems_github([problem(), warning], "ml") == (
        "::error file=ml/environments/a.yml,line=3,col=7,title=unknown-field::Wrong.\n"
        "::warning file=ml/b.yml,line=1,col=1,title=unpinned-image::No tag. Name one.\n"
    )


def test_no_problems_give_no_output() -> None:
    assert problems_github([]) == ""


@pytest.mark.parametrize(
    ("prefix", "file", "shown"),
    [
        ("", "envsync.yaml", "envsync.yaml"),
        ("a/b", "envsync.yaml", "a/b/envsync.yaml"),
        ("a/b", "../c.yml", "a/c.yml"),
        ("a", "/tmp/x.yml", "/tmp/x.yml"),
    ],
)
def test_file_paths_are_relative_to_the_root_of_the_repository(
    prefix: str, file: str, shown: str
) -> None:
    ((_, properties, _),) = commands(problems_github([problem(file)], prefix))

    assert properties["file"] == shown


def test_special_characters_of_a_command_are_escaped() -> None:
    text = problems_github([problem("50%,a:b.yml", "100% ::error::, so: %0A", "::x")])

    assert text.startswith("::error file=50%25%2Ca%3Ab.yml,line=3,")
    assert text.endswith("::100%25 ::error::, so: %250A ::x\n")


@given(texts, texts, texts)
def test_no_message_can_add_a_command_or_property(file: str, message: str, fix: str) -> None:
    ((name, properties, unescaped_message),) = commands(
        problems_github([problem(f"x{file.replace('/', '-')}", message, fix)])
    )

    assert name == "error"
    assert properties == {
        "file": printable(f"x{file.replace('/', '-')}"),
        "line": "3",
        "col": "7",
        "title": "unknown-field",
    }
    assert unescaped_message == printable(f"{message} {fix}".rstrip())


def test_a_rejection_is_an_annotation_on_its_declaration() -> None:
    plan = Plan(
        "churn",
        TargetIdentity("dev", "workspace", "id"),
        rejections=(
            Rejection(
                "immutable", "a", "1", "It is fixed.", "envsync bump a", (), Source("a.yml", 4)
            ),
            Rejection("foreign-owner", "b", None, "Not ours.", "Declare another name."),
        ),
    )

    assert commands(plan_github(plan, "ml")) == [
        (
            "error",
            {"file": "ml/a.yml", "line": "4", "title": "immutable in dev"},
            "It is fixed. Fix: envsync bump a",
        ),
        ("error", {"title": "foreign-owner in dev"}, "Not ours. Fix: Declare another name."),
    ]


@given(texts)
def test_no_string_in_a_plan_can_add_a_command(text: str) -> None:
    assert [name for name, _, _ in commands(plan_github(plan_of(text)))] == ["error", "error"]


def test_a_rejection_outside_of_the_project_is_annotated_in_its_file() -> None:
    source = Source("../mlops/job.yml", 2)
    rejected = Rejection("in-use", "a", None, "It is used.", "Change it.", source=source)

    assert plan_github(
        Plan("p", TargetIdentity("local", "local", "x"), rejections=(rejected,)), "envs"
    ) == ("::error file=mlops/job.yml,line=2,title=in-use in local::It is used. Fix: Change it.\n")


@given(texts)
def test_each_use_of_a_moving_latest_is_one_notice(text: str) -> None:
    uses = (Use(f"{text}.yml", 1, "job", "exact"), Use("b.yml", 2, "python", "probable"))
    lines = latest_github([LatestChange(text, "1", "2", uses), LatestChange("c", "1", "2")], "p")

    assert [(name, properties["line"]) for name, properties, _ in commands(lines)] == [
        ("notice", "1"),
        ("notice", "2"),
    ]
    assert commands(lines)[1][1] == {"file": "p/b.yml", "line": "2", "title": "moving-latest"}
