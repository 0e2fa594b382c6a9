"""Runs the documented workflows with act, the emulator, and a GitHub on loopback."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from envsync.action.marker import Marker, read_marker
from envsync.emulator.serve import running
from envsync.emulator.settings import Settings
from tests.action.act import Ran, Runner
from tests.action.forge import BOT, Forge
from tests.action.in_process import InProcess
from tests.action.project import NEWER, WORKSPACES, Project, by_hand, merged, plan, records
from tests.targets.azure.http.ci_system import CiSystem, serving
from tests.wheels import offline

pytestmark = pytest.mark.skipif(os.name == "nt", reason="act runs workflows for Linux")

HOSTILE = "@octocat closes #1 </details><img src=x>%0A::set-output name=digest::forged | `"


@pytest.fixture(scope="module")
def azure() -> Iterator[Mapping[str, str]]:
    """The variables of an emulator on the network, because `act` runs steps in other processes."""
    with running(Settings(workspaces=WORKSPACES)) as emulator:
        yield emulator.variables


@pytest.fixture
def ci() -> Iterator[CiSystem]:
    with serving() as system:
        yield system


def sign_in_with_github(runner: Runner, steps: InProcess, project: Project, ci: CiSystem) -> None:
    """Sets `credential: github`, and the variables of a job with `id-token: write`."""
    job = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{ci.url}/idtoken?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "the token of this job",
    }
    runner.variables = steps.variables = {**runner.variables, **job}
    project.variables = {**project.variables, **job}
    file = project.path / "envsync.yaml"
    file.write_text(file.read_text().replace("credential: environment", "credential: github"))


def test_a_merge_applies_the_plan_that_the_pull_request_shows(
    runner: Runner, steps: InProcess, forge: Forge, project: Project, ci: CiSystem
) -> None:
    sign_in_with_github(runner, steps, project, ci)
    project.declare("xgboost", "1", about=HOSTILE)
    project.commit()
    forged = forge.write_comment(7, "mallory", Marker("plan", ".", "dev", digest="sha256:0").line())
    for _ in range(100):
        forge.write_comment(7, "octocat", "Looks good.")

    first = plan(steps, project)
    project.declare("catboost", "1")
    project.commit()
    second = plan(runner, project)
    comments = [text for text in forge.comments[7] if text.author == BOT]
    before = project.held()
    applied = merged(runner, project)
    (comment,) = comments
    result = forge.comments[7][-1]

    assert (first.jobs, second.jobs, applied.jobs) == (
        {"files": "success", "plan": "success"},
        {"files": "success", "plan": "success"},
        {"files": "success", "apply": "success"},
    )
    assert project.creator("xgboost", "1") == "a-writer"
    assert len(ci.requests) >= 3
    shown = second.outputs["plan/1"]
    assert shown["digest"] != first.outputs["plan/1"]["digest"]
    assert {name: shown[name] for name in ("has-changes", "create", "unchanged", "rejected")} == {
        "has-changes": "true",
        "create": "2",
        "unchanged": "2",
        "rejected": "0",
    }
    assert Path(shown["plan-file"]).name == "plan.json"
    line, _, text = comment.body.partition("\n")
    marker = read_marker(line)
    assert marker is not None
    assert marker == Marker(
        "plan",
        ".",
        "dev",
        digest=shown["digest"],
        changes=marker.changes,
        number=7,
        head=project.git("rev-parse", "change"),
        time=marker.time,
    )
    assert text.startswith(
        "### envsync · dev\n\n**2 to create, 2 unchanged** in the workspace target "
    )
    assert text in second.summary
    assert outside_code(text, "octocat", "img", "#1") == []
    assert before == ["pydata", "sklearn"]
    assert project.held() == ["catboost", "pydata", "sklearn", "xgboost"]
    assert result.body.partition("\n")[2].startswith("### envsync · dev\n\n**Applied**: 2 done.\n")
    assert forged.body == Marker("plan", ".", "dev", digest="sha256:0").line()


def test_a_merge_applies_nothing_to_a_changed_target_until_a_new_digest_is_approved(
    runner: Runner, steps: InProcess, forge: Forge, project: Project
) -> None:
    project.declare("xgboost", "1")
    project.commit()
    plan(steps, project)
    project.declare("pydata", "1", about="Somebody else was here.")
    project.apply("pydata")
    project.git("restore", ".")

    stopped = merged(steps, project)
    result = forge.comments[7][-1].body.partition("\n")[2]
    after = project.held()
    digest = stopped.outputs["apply/1"]["digest"]
    without = by_hand(runner, project, target="dev", digest="comment")
    unchanged = project.held()
    manual = by_hand(runner, project, target="dev", digest=digest)

    assert stopped.jobs == {"files": "success", "apply": "failure"}
    assert stopped.failures == [1]
    assert result.startswith(
        "### envsync · dev\n\n**Nothing was applied.** The plan differs from the approved plan."
    )
    assert "- `update pydata:1` was not in the approved plan\n" in result
    assert "create xgboost" not in result.partition("Differences")[2].partition("This is")[0]
    assert after == unchanged == ["pydata", "sklearn"]
    assert without.failures == [64]
    assert manual.jobs == {"files": "success", "apply": "success"}
    assert project.held() == ["pydata", "sklearn", "xgboost"]


@pytest.mark.parametrize("ref", ["heads/change", "tags/main", "heads/" + "0" * 64])
def test_a_manual_run_on_another_branch_or_tag_applies_nothing(
    runner: Runner, forge: Forge, project: Project, ref: str
) -> None:
    project.declare("xgboost", "1")
    project.commit()
    inputs = {"target": "dev", "digest": "sha256:" + "0" * 64}
    payload = {"ref": f"refs/{ref}", "inputs": inputs}
    ran = runner.run(
        project.path, event="workflow_dispatch", workflow="envsync-apply.yml", payload=payload
    )

    assert ran.jobs == {"files": "success"}
    assert project.held() == ["pydata", "sklearn"]


def test_a_rejection_in_several_targets_has_one_annotation(
    runner: Runner, steps: InProcess, forge: Forge, project: Project, unused: Iterator[str]
) -> None:
    project.git("switch", "--quiet", "main")
    targets = {"dev": next(unused), "prod": next(unused)}
    for name in ("prod", "dev"):
        project.set_targets(dev=targets[name])
        project.apply()
        project.declare("new", "1")
        project.apply()
        (project.path / "environments" / "new.yml").unlink()
    project.set_targets(**targets)
    project.commit()
    project.git("switch", "--quiet", "--force-create", "change")
    project.declare("pydata", "1", NEWER)  # `check` finds this edit
    project.declare("new", "1", NEWER)  # git never had this version, but both targets have
    project.commit()
    ran = plan(runner, project)
    forge.comments.clear()
    stopped = merged(steps, project)

    found = [item[1:3] for item in ran.annotations if item[0] == "error" and item[1]]
    assert sorted(found) == [("environments/new.yml", "1"), ("environments/pydata.yml", "3")]
    found = [item[1:3] for item in stopped.annotations if item[0] == "error"]
    assert sorted(found) == [("environments/new.yml", "1"), ("environments/pydata.yml", "1")]
    for record in records(forge):
        assert "In another pull request, run `envsync bump new pydata` and commit" in record
        assert "gh workflow run" not in record


def test_an_issue_is_open_while_a_target_differs_from_the_declared_environments(
    runner: Runner, steps: InProcess, forge: Forge, project: Project
) -> None:
    def nightly(runner: Runner | InProcess) -> Ran:
        return runner.run(
            project.path, event="schedule", workflow="envsync-nightly.yml", payload={}
        )

    project.declare("pydata", "1", about="Something else.")
    differing = nightly(runner)
    (issue,) = forge.issues
    told, state = issue.body.partition("\n")[2], issue.state
    project.git("restore", ".")
    equal = nightly(steps)

    assert [ran.jobs["plan"] for ran in (differing, equal)] == ["failure", "success"]
    assert (issue.title, state) == ("envsync: dev is not as declared", "open")
    assert told.startswith(
        "### envsync · dev\n\n**1 to update, 1 unchanged** in the workspace target "
    )
    assert (differing.failures, equal.failures) == ([2], [])
    assert len(forge.issues) == 1
    assert issue.state == "closed"


def test_a_project_with_only_local_targets_plans_and_applies_nothing(
    runner: Runner, steps: InProcess, forge: Forge, project: Project
) -> None:
    (project.path / "envsync.yaml").write_text(
        "project: churn\ntargets:\n  local: {kind: local, path: state.db}\n"
    )
    project.commit()
    planned = plan(steps, project)
    applied = merged(steps, project)
    nightly = runner.run(project.path, event="schedule", workflow="envsync-nightly.yml", payload={})

    for ran in (planned, applied, nightly):
        assert ran.jobs == {"files": "success"}
        (notice,) = [item[3] for item in ran.annotations if item[0] == "notice"]
        assert notice.startswith("The matrix is empty, because `envsync.yaml` has no workspace")
    assert forge.comments == {}
    assert not (project.path / "state.db").exists()


def test_the_action_installs_itself(tmp_path: Path, forge: Forge, project: Project) -> None:
    fresh = Runner(tmp_path / "fresh", forge, offline())
    fresh.prepare(installed=False)
    workflow = project.path / ".github" / "workflows" / "validate.yml"
    workflow.write_text(
        "on: push\njobs:\n  files:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8\n"
        "      - uses: envsync/envsync@v0.1.0\n        with: {command: validate}\n"
    )
    ran = fresh.run(
        project.path, event="push", workflow="validate.yml", payload={"ref": "refs/heads/main"}
    )

    assert ran.jobs == {"files": "success"}
    assert ran.outputs["files/1"]["summary"] == "Valid. 2 environment files, no problems."


def outside_code(text: str, *words: str) -> list[str]:
    """Returns the words that occur outside of code, where GitHub interprets mentions and HTML."""
    prose = re.sub(
        r"^(`{3,}).*?^\1$|(`+)(?!`).*?(?<!`)\2(?!`)", "", text, flags=re.MULTILINE | re.DOTALL
    )
    return [word for word in words if word in prose]
