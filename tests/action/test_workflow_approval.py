"""Runs the documented workflows for plans that were approved, changed or never reviewed."""

from __future__ import annotations

import pytest

from tests.action.forge import BOT, Forge
from tests.action.in_process import InProcess
from tests.action.project import NEWER, Project, by_hand, merged, plan, pushed, records


@pytest.mark.parametrize("how", ["--squash", "--rebase"])
def test_a_squash_or_a_rebase_applies_the_approved_plan(
    steps: InProcess, forge: Forge, project: Project, how: str
) -> None:
    project.declare("xgboost", "1")
    project.commit()
    project.declare("catboost", "1")
    project.commit()
    plan(steps, project)
    ran = merged(steps, project, how)

    assert ran.jobs == {"files": "success", "apply": "success"}
    assert project.held() == ["catboost", "pydata", "sklearn", "xgboost"]
    assert "Approved by merging `#7` by octocat." in records(forge)[0]


def test_an_apply_can_run_again_until_all_approved_changes_are_made(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.declare("xgboost", "1")
    project.declare("catboost", "1")
    project.commit()
    plan(steps, project)
    payload = project.merge()
    project.apply("catboost")  # as an apply that failed half way

    first = pushed(steps, project, payload)
    again = pushed(steps, project, payload)
    (record,) = records(forge)

    assert first.jobs == again.jobs == {"files": "success", "apply": "success"}
    assert project.held() == ["catboost", "pydata", "sklearn", "xgboost"]
    assert "Its other changes were already made." in record
    assert record.index("**Applied**: 1 done.") < record.index("**Nothing to do**: 4 unchanged.")


def test_a_push_without_environments_needs_no_approval(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.git("switch", "--quiet", "main")
    (project.path / "README.md").write_text("Models.")
    project.commit()
    direct = pushed(steps, project, {"ref": "refs/heads/main"})
    project.git("switch", "--quiet", "--force-create", "change")
    (project.path / "README.md").write_text("More models.")
    project.commit()
    by_merge = merged(steps, project)

    assert direct.jobs == by_merge.jobs == {"files": "success", "apply": "success"}
    assert records(forge) == []
    assert "**Nothing to do**: 2 unchanged." in direct.summary


def test_a_plan_job_that_runs_again_after_the_merge_approves_nothing(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.declare("xgboost", "1")
    project.commit()
    event = project.pull_request()
    reviewed = steps.run(
        project.path, event="pull_request", workflow="envsync-plan.yml", payload=event
    )
    shown = forge.comments[7][0].body
    payload = project.merge()
    # Drift: another change is pending now, and nobody has reviewed it.
    project.declare("pydata", "1", about="Somebody else was here.")
    project.apply("pydata")
    project.git("restore", ".")
    stopped = pushed(steps, project, payload)
    again = steps.run(
        project.path, event="pull_request", workflow="envsync-plan.yml", payload=event
    )
    still = pushed(steps, project, payload)

    assert reviewed.jobs == again.jobs == {"files": "success", "plan": "success"}
    assert stopped.failures == still.failures == [1]
    assert forge.comments[7][0].body == shown
    assert any("pull request #7 is closed" in item[3] for item in again.annotations)
    assert project.held() == ["pydata", "sklearn"]
    assert records(forge)[0].count("**Nothing was applied.**") == 2


@pytest.mark.parametrize("attack", ["edit by the bot", "edit by a user", "force push", "merge"])
def test_an_apply_stops_if_nobody_reviewed_the_plan(
    steps: InProcess, forge: Forge, project: Project, attack: str
) -> None:
    project.declare("xgboost", "1")
    project.commit()
    plan(steps, project)
    comment = forge.comments[7][0]
    if attack == "force push":
        # The plan job of the new commit has not written its comment before the merge.
        project.declare("xgboost", "1", NEWER)
        project.git("commit", "--quiet", "--all", "--amend", "--message", "forced")
        project.pull_request()
    payload = project.merge()
    if attack == "edit by the bot":
        forge.edit_comment(comment, BOT, comment.body)
    if attack == "edit by a user":
        forge.edit_comment(comment, "mallory", comment.body)
    if attack == "merge":
        # The merge commit contains a file that is in neither of its parents.
        project.declare("catboost", "1")
        project.git("add", "--all")
        project.git("commit", "--quiet", "--amend", "--message", "Merge")
        payload = project.pushed()
    ran = pushed(steps, project, payload)
    (record,) = records(forge)

    assert ran.failures == [1]
    assert project.held() == ["pydata", "sklearn"]
    assert record.startswith("### envsync · dev\n\n**Nothing was applied.**")
    told = {
        "edit by the bot": "is not before the merge",
        "edit by a user": "was edited by mallory",
        "force push": "was merged.",
        "merge": "`create catboost:1` was not in the approved plan",
    }
    assert told[attack] in record
    digest = ran.outputs["apply/1"]["digest"]
    command = f"gh workflow run envsync-apply.yml -f target=dev -f digest={digest}"
    assert command in record
    assert any(command in item[3] for item in ran.annotations if item[0] == "error")


def test_a_comment_shows_pending_changes_separately(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.declare("pydata", "1", about="Somebody else was here.")
    project.apply("pydata")
    project.git("restore", ".")
    project.declare("xgboost", "1")
    project.commit()
    ran = plan(steps, project)
    body = forge.comments[7][0].body
    own, pending = body.partition("**Pending on the target before this pull request**")[::2]

    assert ran.jobs == {"files": "success", "plan": "success"}
    assert "**Changes of this pull request**" in own
    assert ("xgboost:1" in own, "pydata:1" in own) == (True, False)
    assert ("xgboost:1" in pending, "pydata:1" in pending) == (False, True)
    assert "Target id: `/subscriptions/" in body


@pytest.mark.parametrize("digest", ["none", "comment"])
def test_a_manual_run_applies_nothing_without_a_digest(
    steps: InProcess, project: Project, digest: str
) -> None:
    project.git("switch", "--quiet", "main")
    project.declare("xgboost", "1")
    project.commit()
    ran = by_hand(steps, project, target="dev", digest=digest)

    assert ran.failures == [64]
    assert f"The input `approve` is 'no digest, {digest}'" in ran.annotations[-1][3]
    assert project.held() == ["pydata", "sklearn"]


def test_a_manual_run_can_allow_a_mass_archive(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.git("switch", "--quiet", "main")
    for index in range(7):
        project.declare(f"old-{index}", "1")
    project.commit()
    project.apply()
    project.git("switch", "--quiet", "--force-create", "change")
    for index in range(7):
        (project.path / "environments" / f"old-{index}.yml").unlink()
    project.commit()
    plan(steps, project)
    stopped = merged(steps, project)
    inputs = {"target": "dev", "digest": stopped.outputs["apply/1"]["digest"]}
    before = project.held()
    allowed = by_hand(steps, project, **inputs, **{"allow-mass-archive": "true"})

    assert "-f allow-mass-archive=true\n" in records(forge)[0]
    assert len(before) == 9
    assert (stopped.failures, allowed.failures) == ([1], [])
    assert "7 done" in records(forge)[0]
