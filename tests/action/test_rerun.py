"""An apply that runs a second time, that runs late, or whose plan was not reviewed."""

from __future__ import annotations

from typing import Any

import pytest

from envsync.action.marker import Marker, read_marker
from tests.action.forge import BOT, TOKEN, Forge
from tests.action.step import Step

IMAGE = "mcr.microsoft.com/azureml/core:2"


@pytest.fixture
def reviewed(step: Step, forge: Forge) -> Step:
    """A step after the merge of a pull request whose comment shows two creates."""
    step.declare("xgboost")
    step.review(forge)
    step.trigger("push")
    step.variables["GITHUB_WORKFLOW_REF"] = "o/r/.github/workflows/envsync-apply.yml@refs/heads/x"
    forge.merge("abc", 7)
    return step


def applied(forge: Forge) -> list[str]:
    """Returns the bodies of the comments that show an apply."""
    return [
        text.body
        for text in forge.comments.get(7, [])
        if (marker := read_marker(text.body)) and marker.kind == "apply"
    ]


def names(step: Step) -> list[str]:
    """Returns the environments that the target does not have yet."""
    return [change.name for change in step.plan().changes]


def test_an_apply_shows_who_approved_it(reviewed: Step, forge: Forge) -> None:
    forge.review(7, "alice", "def")

    assert reviewed.run("apply", approve="comment") == 0
    (body,) = applied(forge)
    assert "**Applied**: 2 done.\n\nApproved by merging `#7` by octocat. Reviewed by alice." in body
    assert f"[Approved plan]({forge.url}/contoso/models/pull/7#issuecomment-" in body


def test_an_apply_with_a_digest_shows_who_started_it(reviewed: Step, forge: Forge) -> None:
    reviewed.trigger("workflow_dispatch")
    reviewed.variables["GITHUB_TRIGGERING_ACTOR"] = "alice"

    assert reviewed.run("apply", approve=reviewed.plan().digest) == 0
    assert "alice started this run with the digest." in applied(forge)[0]


def test_a_second_run_appends_to_the_comment_of_the_first_run(reviewed: Step, forge: Forge) -> None:
    codes = [reviewed.run("apply", approve="comment"), reviewed.run("apply", approve="comment")]
    (body,) = applied(forge)

    assert codes == [0, 0]
    assert body.index("**Applied**: 2 done.") < body.index("**Nothing to do**: 2 unchanged.")
    assert body.count("### envsync") == 1
    assert "::notice title=envsync::Nothing to do in local." in reviewed.output


def test_a_comment_that_another_account_edited_is_not_written_again(
    reviewed: Step, forge: Forge
) -> None:
    reviewed.run("apply", approve="comment")
    record = forge.comments[7][-1]
    forge.edit_comment(record, "mallory", record.body + "@octocat")
    reviewed.run("apply", approve="comment")
    first, second = applied(forge)

    assert (first, record.editor) == (record.body, "mallory")
    assert "**Nothing to do**" in second
    assert "@octocat" not in second


def test_a_second_comment_is_written_if_the_first_comment_is_full(
    reviewed: Step, forge: Forge
) -> None:
    reviewed.run("apply", approve="comment")
    record = forge.comments[7][-1]
    record.body += "x" * 60_000
    reviewed.run("apply", approve="comment")

    assert len(applied(forge)) == 2


@pytest.mark.parametrize("merge", [True, False])
def test_an_empty_plan_needs_no_approval(step: Step, forge: Forge, merge: bool) -> None:
    step.trigger("push")
    step.run("apply", comment="false")
    if merge:
        forge.merge("abc", 7)

    assert step.run("apply", approve="comment") == 0
    assert forge.comments == {}
    assert "**Nothing to do**: 1 unchanged." in step.summary


@pytest.mark.parametrize("fault", [(422, {}), (403, {})])
def test_an_empty_plan_is_applied_if_github_cannot_be_read(
    step: Step, forge: Forge, fault: tuple[int, dict[str, str]]
) -> None:
    step.trigger("push")
    step.run("apply", comment="false")
    forge.faults = [fault]

    assert step.run("apply", approve="comment", comment="false") == 0


def test_apply_makes_the_remaining_changes_of_an_approved_plan(
    reviewed: Step, forge: Forge
) -> None:
    reviewed.run("apply", args="pydata", comment="false")
    assert names(reviewed) == ["xgboost"]

    assert reviewed.run("apply", approve="comment") == 0
    assert names(reviewed) == []
    assert "Its other changes were already made." in applied(forge)[0]


def test_apply_makes_no_change_if_one_change_was_not_approved(reviewed: Step, forge: Forge) -> None:
    reviewed.run("apply", args="pydata", comment="false")
    reviewed.declare("catboost")

    assert reviewed.run("apply", approve="comment") == 1
    assert names(reviewed) == ["catboost", "xgboost"]
    assert "- `create catboost:1` was not in the approved plan" in applied(forge)[0]


def test_other_content_under_an_approved_name_is_not_approved(reviewed: Step, forge: Forge) -> None:
    reviewed.declare("xgboost", image=IMAGE)

    assert reviewed.run("apply", approve="comment") == 1
    assert "- `create xgboost:1` differs from the approved change" in applied(forge)[0]


def test_a_stopped_apply_prints_digest_plan_and_command(reviewed: Step, forge: Forge) -> None:
    reviewed.declare("catboost")
    digest = reviewed.plan().digest
    command = f"gh workflow run envsync-apply.yml -f target=local -f digest={digest}"

    assert reviewed.run("apply", approve="comment") == 1
    (body,) = applied(forge)
    assert f"input `digest`:\n\n```sh\n{command}\n```\n" in body
    assert "+ create   catboost:1" in body
    assert command in reviewed.output.partition("::error")[2]
    assert digest == read_marker(body).digest  # type: ignore[union-attr]
    assert reviewed.run("apply", approve=digest) == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"head": "123"}, "shows a plan for the commit 123, but the commit def was merged"),
        ({"number": 8}, "shows a plan of another pull request: `#8`"),
        ({"directory": "ml"}, "has no comment of"),
        ({"target": "prod"}, "has no comment of"),
        ({"kind": "apply"}, "has no comment of"),
    ],
)
def test_a_copied_comment_approves_nothing(
    step: Step, forge: Forge, changed: dict[str, Any], message: str
) -> None:
    step.review(forge, **changed)
    step.trigger("push")
    forge.merge("abc", 7)

    assert step.run("apply", approve="comment") == 1
    assert names(step) == ["pydata"]
    assert message in step.summary.replace("`123`", "123").replace("`def`", "def")
    assert "gh workflow run envsync-apply.yml -f target=local -f digest=sha256:" in step.summary


def test_an_approval_is_not_valid_for_another_target_with_the_same_name(
    reviewed: Step,
) -> None:
    (reviewed.workspace / "envsync.yaml").write_text(
        "project: workspace\ntargets:\n  local: {kind: local, path: other.db}\n"
    )

    assert reviewed.run("apply", approve="comment") == 1
    assert names(reviewed) == ["pydata", "xgboost"]


def test_a_plan_job_that_runs_again_after_the_merge_writes_no_comment(
    step: Step, forge: Forge
) -> None:
    step.run("plan")
    before = forge.comments[7][0].body
    forge.merge("abc", 7)
    step.declare("catboost")

    assert step.run("plan") == 0
    assert [text.body for text in forge.comments[7]] == [before]
    assert "No comment was written: pull request #7 is closed." in step.output


def test_a_plan_job_that_runs_again_for_an_older_commit_writes_no_comment(
    step: Step, forge: Forge
) -> None:
    forge.open(7, "123")

    assert step.run("plan") == 0
    assert forge.comments == {}
    assert "now has the commit 123, and this run is for the commit def." in step.output


def test_a_pull_request_that_is_opened_again_gets_a_comment(step: Step, forge: Forge) -> None:
    forge.close(7)
    step.run("plan")
    closed = dict(forge.comments)
    forge.open(7, "def")
    step.run("plan")

    assert closed == {}
    marker = read_marker(forge.comments[7][0].body)
    assert (marker and (marker.number, marker.head, marker.digest)) == (
        7,
        "def",
        step.plan().digest,
    )


@pytest.mark.parametrize("author", [BOT, "mallory"])
def test_a_plan_that_is_written_after_the_merge_approves_nothing(
    step: Step, forge: Forge, author: str
) -> None:
    text = step.review(forge)
    step.trigger("push")
    forge.merge("abc", 7)
    step.declare("catboost")
    made = step.plan()
    forged = Marker("plan", ".", "", made.digest, made.fingerprints, 7, "def")
    forge.edit_comment(text, author, forged.line())

    assert step.run("apply", approve="comment") == 1
    assert names(step) == ["catboost", "pydata"]
    assert ("is not before the merge" if author == BOT else "edited by mallory") in step.summary


@pytest.mark.parametrize("approve", ["comment", "digest"])
def test_starting_an_old_run_again_restores_no_old_state(
    reviewed: Step, forge: Forge, approve: str
) -> None:
    digest = reviewed.plan().digest if approve == "digest" else approve
    forge.branches["main"] = "newer"
    reviewed.variables["GITHUB_RUN_ATTEMPT"] = "2"

    assert reviewed.run("apply", approve=digest) == 1
    assert names(reviewed) == ["pydata", "xgboost"]
    assert "main is now at newer" in reviewed.summary
    forge.branches["main"] = "abc"
    assert reviewed.run("apply", approve=digest) == 0


def test_a_run_applies_its_plan_even_if_the_branch_has_a_newer_commit(
    reviewed: Step, forge: Forge
) -> None:
    forge.branches["main"] = "newer"

    assert reviewed.run("apply", approve="comment") == 0


def test_a_mass_archive_is_allowed_by_an_argument_of_a_manual_run(step: Step, forge: Forge) -> None:
    for index in range(8):
        step.declare(f"old-{index}")
    step.trigger("push")
    step.run("apply")
    for index in range(8):
        (step.workspace / "environments" / f"old-{index}.yml").unlink()
    step.review(forge)
    forge.merge("abc", 7)

    assert step.run("apply", approve="comment") == 1
    digest = step.plan().digest
    assert f"-f digest={digest} -f allow-mass-archive=true\n" in step.summary
    assert "max_archives" in step.output
    assert step.run("apply", approve=digest, args="--allow-mass-archive") == 0
    assert step.plan().is_empty


def test_the_input_annotations_turns_annotations_of_rejections_off(step: Step) -> None:
    step.trigger("push")
    step.run("apply")
    step.declare("pydata", image=IMAGE)
    annotated = []
    for given in ("", "true", "false"):
        step.run("plan", annotations=given)
        annotated.append(step.output.count("::error file="))

    assert annotated == [1, 1, 0]


def test_the_token_is_needed_only_for_a_plan_with_changes(step: Step) -> None:
    step.trigger("push")
    codes = [step.run("apply", approve="comment", token="")]
    step.run("apply", token="")
    codes.append(step.run("apply", approve="comment", token=""))

    assert codes == [1, 0]
    assert TOKEN not in step.output


def test_the_matrix_of_a_project_with_only_local_targets_is_empty(step: Step) -> None:
    assert step.run("validate") == 0
    assert "::notice title=envsync::The matrix is empty, because" in step.output
    outputs = (step.workspace.parent / "output").read_text()
    assert "matrix<<" in outputs
    assert '{"target"' not in outputs
    (step.workspace / "envsync.yaml").write_text(
        "project: p\ndefault_target: local\ntargets:\n"
        "  local: {kind: local, path: state.db}\n  shared: {kind: registry, registry: hub-ml}\n"
    )
    assert step.run("validate") == 0, step.output
    assert '{"target": ["shared"]}' in (step.workspace.parent / "output").read_text()
