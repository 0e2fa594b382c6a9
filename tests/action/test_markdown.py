"""The Markdown of the action: its length, and the escaping of text from files and services."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from msgspec.structs import replace

from envsync.action.apply_markdown import (
    applied_markdown,
    differences,
    nothing_markdown,
    refused_markdown,
)
from envsync.action.approval import Approval
from envsync.action.event import Event
from envsync.action.inputs import Inputs
from envsync.action.markdown import (
    MAX_COMMENT,
    Markdown,
    cut,
    failure_markdown,
    footer,
    headed,
    problems_markdown,
)
from envsync.action.marker import MAX_LENGTH, Marker
from envsync.action.posts import post_body
from envsync.model.problem import Problem
from envsync.model.target import TargetIdentity
from envsync.plan.change import Action, Change, Rejection
from envsync.plan.outcome import Outcome
from envsync.plan.plan import Plan

HOSTILE = "@octocat `` </details> [x](y) <img> \n::error::"


def change(name: str) -> Change:
    return Change(
        action=Action.CREATE, scope="version", name=name, version="1", reason="not in the target"
    )


def plan(*names: str, rejected: str = "") -> Plan:
    rejections = (
        (Rejection(code="immutable", name=rejected, version="1", message="It differs.", fix="fix"),)
        if rejected
        else ()
    )
    return Plan(
        project="p",
        target=TargetIdentity("dev", "local", "x"),
        changes=tuple(map(change, names)),
        rejections=rejections,
    )


def test_the_last_line_contains_the_number_of_lines_that_do_not_fit() -> None:
    lines = [f"line {number:02}" for number in range(20)]

    assert cut(lines, 10_000).splitlines() == lines
    assert cut(lines, 100).splitlines() == [
        *lines[:5],
        "",
        "… and 15 more lines, which are in the log.",
    ]


def test_the_footer_contains_command_commit_and_log() -> None:
    event = Event(
        name="push",
        repository="o/r",
        sha="abc",
        branch="main",
        head="0123456789abcdef",
        run_url="https://x/1",
    )

    assert footer(Inputs("plan"), event) == (
        "\n<sub>`envsync plan` · commit 0123456789ab · [log](https://x/1)</sub>\n"
    )
    # The heading names the target and the directory.
    assert footer(Inputs("plan", "@dev", "a`@b"), event) == footer(Inputs("plan"), event)


def test_a_heading_counts_towards_the_limit() -> None:
    made = headed("### envsync\n", lambda limit: "x" * limit)

    assert made(100) == "### envsync\n\n" + "x" * 87


def test_each_problem_is_one_line() -> None:
    problem = Problem(
        rule="unknown-field",
        severity="error",
        message=f"`imag` {HOSTILE}",
        file="a.yml",
        line=3,
        column=1,
        fix="Remove it.",
    )
    text = problems_markdown("1 environment file: 1 error.", [problem])(MAX_COMMENT)
    first, empty, line = text.splitlines()

    assert (first, empty) == ("**1 environment file: 1 error.**", "")
    assert line.startswith("- `a.yml:3` error `unknown-field`: `imag` `@octocat` ")


def test_the_message_of_a_failure_is_quoted_and_cut() -> None:
    text = failure_markdown("It failed.", "```\n@octocat\x1b[0m\n" + "x" * 9_000)(MAX_COMMENT)

    assert text.startswith("**It failed.**\n\n````\n```\n@octocat\\x1b[0m\nxxx")
    assert text.endswith("x\n````\n")
    assert len(text) < 4_100


def test_no_line_of_a_message_ends_its_quotation() -> None:
    text = failure_markdown("It failed.", "`" * 300 + "\n<img src=x> @octocat")(MAX_COMMENT)

    # GitHub's parser ends any code block at a line of 256 or more backticks.
    assert "`" * 10 not in text


def test_each_outcome_is_one_line_and_failures_come_first() -> None:
    made = plan("a", "b", rejected="c")
    outcomes = [
        Outcome(made.changes[0], "done"),
        Outcome(made.changes[1], "failed", f"No. {HOSTILE}"),
    ]
    lines = applied_markdown(made, outcomes, False)(MAX_COMMENT).splitlines()

    assert lines[:5] == [
        "**Applied**: 1 done, 1 failed, 1 rejected.",
        "",
        "**Not verified**: the target does not show every change that was done.",
        "",
        "- `c:1` rejected",
    ]
    assert lines[5].startswith("- `+ create` `b:1` failed: No. `@octocat")
    assert lines[6] == "- `+ create` `a:1` done"
    assert lines[-1] == f"<sub>Digest: `{made.digest}`</sub>"


def test_an_applied_plan_shows_who_approved_it() -> None:
    made = plan("a")
    outcomes = [Outcome(made.changes[0], "done")]
    approval = Approval(made.digest, {}, "https://x/7", by="Approved by merging #7 by @alice.")
    whole = applied_markdown(made, outcomes, True, approval)(MAX_COMMENT)
    left = applied_markdown(made, outcomes, True, replace(approval, digest="sha256:1"))(MAX_COMMENT)

    told = "Approved by merging `#7` by `@alice`. [Approved plan](https://x/7)."
    assert whole.splitlines()[2] == told
    assert left.splitlines()[2] == f"{told} Its other changes were already made."


def test_an_empty_plan_is_shown_as_nothing_to_do() -> None:
    made = replace(plan(), unchanged=3)

    assert nothing_markdown(made)(MAX_COMMENT) == (
        f"**Nothing to do**: 3 unchanged.\n\n<sub>Digest: `{made.digest}`</sub>\n"
    )


def test_equal_changes_are_reported_as_the_same() -> None:
    assert differences({"create a:1": "1"}, {"create a:1": "1"}) == ["- The changes are the same."]


def test_each_difference_between_two_plans_is_listed() -> None:
    before = {"create a:1": "1", "create b:1": "2", "update c:1": "3"}
    after = {"create a:1": "1", "update c:1": "4", "archive d": "5"}

    assert differences(before, after) == [
        "- `archive d` was not in the approved plan",
        "- `create b:1` is no longer in the plan",
        "- `update c:1` differs from the approved change",
    ]


@pytest.mark.parametrize("changes", [None, {"create b:1": "2"}])
def test_a_refusal_shows_the_differences_and_the_current_plan(
    changes: dict[str, str] | None,
) -> None:
    made = plan("a")
    text = refused_markdown("It moved.", made, Approval("sha256:old", changes, "https://x/7"))
    lines = text(MAX_COMMENT).splitlines()

    assert lines[0] == "**Nothing was applied.** It moved."
    assert lines[2] == "The [approved plan](https://x/7) has the digest `sha256:old`. Differences:"
    assert lines[4] == (
        "- `create a:1` was not in the approved plan"
        if changes
        else "- Unknown: only the digest of the approved plan was kept."
    )
    assert f"<sub>Digest: `{made.digest}`</sub>" in lines


def test_a_refusal_shows_the_command_that_applies_the_current_plan() -> None:
    command = "gh workflow run apply.yml -f target=dev"
    text = refused_markdown("It moved.", plan("a"), None, command=command)(MAX_COMMENT)

    assert f"input `digest`:\n\n```sh\n{command}\n```\n" in text
    assert plan("a").digest in text.partition("```")[0]


PROBLEM = Problem(rule="r", severity="error", message="m" * 400, file="f", line=1, column=1, fix="")


@cache
def long() -> Plan:
    return plan(*(f"name-{number}-" + "é" * 200 for number in range(3_000)))


@pytest.mark.parametrize(
    "text",
    [
        lambda: refused_markdown("It moved.", long(), Approval("sha256:0", {})),
        lambda: applied_markdown(long(), [Outcome(item, "done") for item in long().changes], True),
        lambda: problems_markdown("Many.", [PROBLEM] * 3_000),
    ],
    ids=["refused", "applied", "problems"],
)
def test_a_comment_fits_into_the_limit_of_github(text: Callable[[], Markdown]) -> None:
    marker = Marker("plan", ".", "dev", digest=long().digest, changes=long().fingerprints)
    whole = post_body(marker, text(), "\n<sub>footer</sub>\n")

    assert MAX_COMMENT - MAX_LENGTH < len(whole.encode()) <= MAX_COMMENT
    assert whole.endswith("\n<sub>footer</sub>\n")
