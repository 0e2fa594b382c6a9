"""Runs the documented workflows in this process, for plans in a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from tests.action.forge import READ_ONLY, Forge
from tests.action.in_process import InProcess
from tests.action.project import NEWER, Project, merged, plan


def test_each_target_has_its_own_comment_and_approval(
    steps: InProcess, forge: Forge, project: Project, unused: Iterator[str]
) -> None:
    dev, prod = next(unused), next(unused)
    project.set_targets(dev=dev, prod=prod)
    project.apply()
    project.declare("xgboost", "1")
    project.commit()
    shown = plan(steps, project)
    project.declare("pydata", "1", about="Somebody else was here.")
    project.apply("pydata")
    project.git("restore", ".")
    stopped = merged(steps, project)
    told = [text.body.splitlines()[1::2][:2] for text in forge.comments[7]]
    within, group = " in the workspace target", "resource group ml-dev"

    assert shown.jobs == {"files": "success", "plan": "success"}
    assert sorted(told[:2]) == [
        [
            "### envsync · dev",
            f"**1 to create, 2 unchanged**{within} `{dev}, {group}`",
        ],
        [
            "### envsync · prod",
            f"**3 to create, 0 unchanged**{within} `{prod}, {group}`",
        ],
    ]
    assert stopped.failures == [1]
    assert sorted(told[2:]) == [
        [
            "### envsync · dev",
            "**Nothing was applied.** The plan differs from the approved plan.",
        ],
        ["### envsync · prod", "**Applied**: 3 done."],
    ]


def test_a_rejection_fails_the_workflow_and_adds_an_annotation(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.declare("pydata", "1", NEWER)
    project.commit()
    ran = plan(steps, project)
    (comment,) = forge.comments[7]

    assert ran.jobs == {"files": "failure", "plan": "failure"}
    assert ran.failures == [1, 1]
    assert ran.outputs["plan/1"]["rejected"] == "1"
    assert "Fix: `envsync bump pydata`" in comment.body
    # `check` annotates the line of the edit.
    assert [item[:3] for item in ran.annotations if item[0] == "error" and item[1]] == [
        ("error", "environments/pydata.yml", "3")
    ]


def test_a_plan_without_changes_is_also_written_to_a_comment(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.commit()
    ran = plan(steps, project)
    (comment,) = forge.comments[7]

    assert ran.jobs == {"files": "success", "plan": "success"}
    assert ran.outputs["plan/1"]["has-changes"] == "false"
    assert comment.body.partition("\n")[2].startswith(
        "### envsync · dev\n\n**No changes, 2 unchanged** in the workspace target "
    )


def test_the_comment_lists_problems_of_invalid_files_instead_of_a_plan(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.declare("pydata", "1")
    file = project.path / "environments" / "pydata.yml"
    file.write_text(file.read_text() + "imag: typo\n")
    project.commit()
    ran = plan(steps, project)
    (comment,) = forge.comments[7]

    assert ran.jobs == {"files": "failure", "plan": "failure"}
    assert ran.failures == [1, 1]
    assert "- `environments/pydata.yml:5` error `unknown-field`" in comment.body
    assert ("error", "environments/pydata.yml", "5") in {item[:3] for item in ran.annotations}
    assert ran.outputs["plan/1"]["digest"] == ""


def test_the_pull_request_of_a_fork_gets_a_summary_instead_of_a_comment(
    steps: InProcess, forge: Forge, project: Project
) -> None:
    project.declare("xgboost", "1")
    project.commit()
    ran = plan(steps, project, origin="octocat/models", token=READ_ONLY)

    assert ran.jobs == {"files": "success", "plan": "success"}
    assert "### envsync · dev\n\n**1 to create, " in ran.summary
    assert forge.comments == {}
    assert [item for item in ran.annotations if item[0] == "notice"] == [
        (
            "notice",
            "",
            "",
            "No comment was written: the token of a fork is read-only. "
            "The job's summary shows the result.",
        )
    ]
    assert (ran.outputs["plan/1"]["has-changes"], ran.outputs["plan/1"]["create"]) == ("true", "1")
    assert "signed in" not in ran.log
