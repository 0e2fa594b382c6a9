"""What the action writes: cut where it is too long, and nothing but text where it is others'."""

from __future__ import annotations

import pytest

from envsync.action.approval import Approval
from envsync.action.event import Event
from envsync.action.inputs import Inputs
from envsync.action.marker import MAX_LENGTH, Marker, fingerprints
from envsync.action.posts import body
from envsync.action.report import (
    MAX_COMMENT,
    Text,
    applied_report,
    cut,
    failure_report,
    footer,
    moved,
    problems_report,
    refused_report,
)
from envsync.model.problem import Problem
from envsync.model.target import TargetIdentity
from envsync.plan.change import Action, Change, Rejection
from envsync.plan.outcome import Outcome
from envsync.plan.plan import Plan

HOSTILE = "@octocat `` </details> [x](y) <img> \n::error::"


def change(name: str) -> Change:
    return Change(Action.CREATE, "version", name, "1", "not in the target")


def plan(*names: str, rejected: str = "") -> Plan:
    rejections = (Rejection("immutable", rejected, "1", "It differs.", "fix"),) if rejected else ()
    return Plan(
        project="p",
        target=TargetIdentity("dev", "local", "x"),
        changes=tuple(map(change, names)),
        rejections=rejections,
    )


def test_lines_without_room_are_counted() -> None:
    lines = [f"line {number:02}" for number in range(20)]

    assert cut(lines, 10_000).splitlines() == lines
    assert cut(lines, 100).splitlines() == [
        *lines[:5],
        "",
        "… and 15 lines more, which the log shows.",
    ]


def test_the_place_of_a_text_is_in_small_print() -> None:
    event = Event("push", "o/r", "abc", "main", head="0123456789abcdef", run_url="https://x/1")

    assert footer(Inputs("plan"), event) == (
        "\n<sub>`envsync plan` · commit 0123456789ab · [log](https://x/1)</sub>\n"
    )
    assert footer(Inputs("plan", "@dev", "a`@b"), event) == (
        "\n<sub>`envsync plan -t @dev` · ``a`@b`` · commit 0123456789ab · [log](https://x/1)</sub>\n"
    )


def test_problems_are_a_line_each() -> None:
    problem = Problem("unknown-field", "error", f"`imag` {HOSTILE}", "a.yml", 3, 1, "Remove it.")
    text = problems_report("1 environment file: 1 error.", [problem])(MAX_COMMENT)
    first, empty, line = text.splitlines()

    assert (first, empty) == ("**1 environment file: 1 error.**", "")
    assert line.startswith("- `a.yml:3` error `unknown-field`: `imag` `@octocat` ")


def test_a_failure_is_quoted_and_no_longer_than_needed() -> None:
    text = failure_report("It failed.", "```\n@octocat\x1b[0m\n" + "x" * 9_000)(MAX_COMMENT)

    assert text.startswith("**It failed.**\n\n````\n```\n@octocat\\x1b[0m\nxxx")
    assert text.endswith("x\n````\n")
    assert len(text) < 4_100


def test_no_line_of_a_failure_ends_its_quotation() -> None:
    text = failure_report("It failed.", "`" * 300 + "\n<img src=x> @octocat")(MAX_COMMENT)

    # GitHub's parser takes 256 backticks and more for the end of any block.
    assert "`" * 10 not in text


def test_outcomes_are_a_line_each_and_those_that_failed_come_first() -> None:
    made = plan("a", "b", rejected="c")
    outcomes = [
        Outcome(made.changes[0], "done"),
        Outcome(made.changes[1], "failed", f"No. {HOSTILE}"),
    ]
    lines = applied_report(made, outcomes, False)(MAX_COMMENT).splitlines()

    assert lines[:5] == [
        "**Applied to `dev`**: 1 done, 1 failed, 1 rejected.",
        "",
        "**Not verified**: the target does not show every change that was done.",
        "",
        "- `c:1` rejected",
    ]
    assert lines[5].startswith("- `+ create` `b:1` failed: No. `@octocat")
    assert lines[6] == "- `+ create` `a:1` done"
    assert lines[-1] == f"Digest `{made.digest}`"


def test_where_no_change_moved_the_target_did() -> None:
    assert moved({"create a:1": "1"}, {"create a:1": "1"}) == [
        "- No change: the project or the target itself is another one."
    ]


def test_what_moved_is_named() -> None:
    before = {"create a:1": "1", "create b:1": "2", "update c:1": "3"}
    after = {"create a:1": "1", "update c:1": "4", "archive d": "5"}

    assert moved(before, after) == [
        "- `archive d` was not in the approved plan",
        "- `create b:1` is not in the plan any more",
        "- `update c:1` is another change than approved",
    ]


@pytest.mark.parametrize("changes", [None, {"create b:1": "2"}])
def test_a_plan_that_was_not_approved_is_shown_beside_the_approved_one(
    changes: dict[str, str] | None,
) -> None:
    made = plan("a")
    text = refused_report("It moved.", made, Approval("sha256:old", changes, "https://x/7"))
    lines = text(MAX_COMMENT).splitlines()

    assert lines[0] == "**Nothing was applied to `dev`.** It moved."
    assert lines[2] == "[Approved](https://x/7) was `sha256:old`. What differs:"
    assert lines[4] == (
        "- `create a:1` was not in the approved plan"
        if changes
        else "- There is no telling: the approved plan was not kept."
    )
    assert f"Digest: `{made.digest}`" in lines


LONG = plan(*(f"name-{number}-" + "é" * 200 for number in range(3_000)))


@pytest.mark.parametrize(
    "text",
    [
        refused_report("It moved.", LONG, Approval("sha256:0", {})),
        applied_report(LONG, [Outcome(item, "done") for item in LONG.changes], True),
        problems_report("Many.", [Problem("r", "error", "m" * 400, "f", 1, 1, "")] * 3_000),
    ],
)
def test_a_comment_is_never_longer_than_github_takes(text: Text) -> None:
    marker = Marker("plan", ".", "dev", LONG.digest, fingerprints(LONG))
    whole = body(marker, text, "\n<sub>small print</sub>\n")

    assert MAX_COMMENT - MAX_LENGTH < len(whole.encode()) <= MAX_COMMENT
    assert whole.endswith("\n<sub>small print</sub>\n")
