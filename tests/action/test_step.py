"""A whole step: the real command line, a local target, and a GitHub on loopback.

The command line runs in the process of the tests. With the fixture `own_process`, the command line
runs in a separate process.
"""

from __future__ import annotations

import subprocess

import pytest

from envsync.action.marker import Marker, read_marker
from tests.action.forge import READ_ONLY, REPOSITORY, TOKEN, Forge
from tests.action.step import Step


def test_an_invalid_input_stops_the_step(step: Step) -> None:
    assert step.run("destroy") == 64
    assert step.output.startswith(
        "::error title=envsync::The input `command` is 'destroy'; it must be one of"
    )


@pytest.mark.usefixtures("own_process")
def test_the_error_for_a_missing_working_directory_names_the_directory(step: Step) -> None:
    assert step.run("plan", working_directory="nowhere") == 1
    assert "nowhere cannot be entered: No such file or directory" in step.output


def test_an_unknown_target_fails_with_the_message_of_the_command(step: Step, forge: Forge) -> None:
    assert step.run("plan", target="prod") == 64
    (comment,) = forge.comments[7]

    assert comment.body.startswith(Marker("plan", ".", "prod").line())
    assert "**envsync ended with exit code 64 and no result.**" in comment.body
    assert "The target `prod` does not exist" in step.summary
    assert "\n### envsync · prod\n" in comment.body
    assert "<sub>`envsync plan` · commit def · " in comment.body


def test_validate_writes_a_new_comment_only_if_there_is_a_problem(step: Step, forge: Forge) -> None:
    valid = step.run("validate")
    before = forge.comments.get(7, [])
    file = step.declare("pydata")
    file.write_text(file.read_text() + "imag: x\n")
    invalid = step.run("validate")
    (comment,) = forge.comments[7]
    told = comment.body
    step.declare("pydata")
    again = step.run("validate")

    assert (valid, invalid, again) == (0, 1, 0)
    assert before == []
    assert "error `unknown-field`" in told
    assert "**Valid. 1 environment file, no problems.**" in comment.body


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [("validate", "--nonsense", "No such option: --nonsense"), ("check", "", "git repository")],
)
def test_the_error_of_a_command_is_quoted(
    step: Step, command: str, args: str, message: str
) -> None:
    assert step.run(command, args=args) > 0
    assert message in step.summary
    assert "**envsync ended with exit code" in step.summary


def test_an_issue_is_open_as_long_as_the_plan_has_changes(step: Step, forge: Forge) -> None:
    step.trigger("schedule")
    moved = step.run("plan", issue="true", args="--detailed-exitcode")
    again = step.run("plan", issue="true", args="--detailed-exitcode")
    states = [text.state for text in forge.issues]
    step.run("apply")
    calm = step.run("plan", issue="true", args="--detailed-exitcode")
    step.declare("xgboost")
    step.run("plan", issue="true")

    assert (moved, again, calm) == (2, 2, 0)
    assert states == ["open"]
    assert [text.state for text in forge.issues] == ["closed", "open"]
    assert forge.issues[0].title == "envsync: local is not as declared"


def test_paths_in_annotations_are_relative_to_the_repository(step: Step) -> None:
    (step.workspace / ".git").mkdir()
    below = step.workspace / "ml"
    below.mkdir()
    (step.workspace / "environments").rename(below / "environments")
    (below / "envsync.yaml").write_text("project: churn\nenvs: x\n")

    assert step.run("validate", working_directory="ml") == 1
    assert "::error file=ml/envsync.yaml,line=2," in step.output
    assert step.summary.startswith("### envsync · `ml/`\n")


def test_a_plan_for_a_push_event_writes_no_comment(step: Step, forge: Forge) -> None:
    step.trigger("push")

    assert step.run("plan") == 0
    assert forge.requests == []
    assert "1 to create" in step.summary


@pytest.mark.parametrize("with_git", [True, False])
def test_a_plan_says_that_changes_are_not_separated_if_the_base_commit_is_missing(
    step: Step, with_git: bool
) -> None:
    if with_git:
        subprocess.run(["git", "init", "--quiet", step.workspace], check=True)
    head = {"sha": "def", "repo": {"full_name": REPOSITORY}}
    base = {"ref": "main", "sha": "0" * 40}
    step.trigger("pull_request", pull_request={"number": 7, "base": base, "head": head})

    assert step.run("plan") == 0
    assert (
        "::notice title=envsync::The plan does not show which changes are from the" in step.output
    )
    assert "**1 to create, 0 unchanged**" in step.summary


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "::notice title=envsync::No comment was written: the step has no token"),
        (READ_ONLY, "::warning title=envsync::No comment was written: The token has no permission"),
    ],
)
def test_a_plan_succeeds_if_its_comment_cannot_be_written(
    step: Step, token: str, message: str
) -> None:
    assert step.run("plan", token=token) == 0
    assert message in step.output


def test_an_error_of_github_does_not_fail_a_plan(step: Step, forge: Forge) -> None:
    forge.faults = [(422, {})]

    assert step.run("plan") == 0
    assert "::warning title=envsync::No comment was written: GitHub returned an error" in (
        step.output
    )


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize(
    "name",
    [
        "INPUT_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    ],
)
def test_a_setting_that_refers_to_a_variable_with_a_token_is_refused(
    step: Step, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, TOKEN)
    (step.workspace / "envsync.yaml").write_text(
        f'targets: {{local: {{kind: local, tags: {{a: "${{{name}}}"}}}}}}\n'
    )

    assert step.run("plan") == 1
    assert f"`{name}` looks like a secret" in step.output
    assert TOKEN not in step.output


@pytest.mark.usefixtures("own_process")
def test_an_apply_without_approval_writes_a_comment_on_the_merged_pull_request(
    step: Step, forge: Forge
) -> None:
    step.trigger("push")
    forge.merge("abc", 7)

    assert step.run("apply") == 0
    (comment,) = forge.comments[7]
    assert "\n### envsync · local\n\n**Applied**: 1 done." in comment.body
    assert step.plan().is_empty


def test_an_apply_without_approval_succeeds_if_the_pull_request_cannot_be_read(
    step: Step, forge: Forge
) -> None:
    step.trigger("push")
    forge.faults = [(422, {})]

    assert step.run("apply") == 0
    assert "::warning title=envsync::No comment was written: GitHub returned an error" in (
        step.output
    )
    assert step.plan().is_empty


def test_nothing_is_applied_if_the_approval_cannot_be_read(step: Step, forge: Forge) -> None:
    step.trigger("push")
    forge.faults = [(422, {})]

    assert step.run("apply", approve="comment") == 1
    assert "GitHub returned an error" in step.summary
    assert not step.plan().is_empty


def test_the_urls_of_github_enterprise_are_used(step: Step, forge: Forge) -> None:
    step.variables |= {"GITHUB_API_URL": f"{forge.url}/api/v3/", "GITHUB_GRAPHQL_URL": ""}
    codes = [step.run("plan"), step.run("plan")]

    assert codes == [0, 0]
    assert len(forge.comments[7]) == 1
    assert {path.split()[1].split("/repos")[0] for path in forge.requests} == {
        "/api/v3",
        "/api/graphql",
    }


def test_an_apply_accepts_a_digest_as_approval(step: Step) -> None:
    step.trigger("workflow_dispatch")
    stale = step.run("apply", approve="sha256:" + "0" * 64, comment="false")
    refused = step.summary
    done = step.run("apply", approve=step.plan().digest, comment="false")

    assert (stale, done) == (1, 0)
    assert "Differences:\n\n- Unknown: only the digest of the approved plan was kept." in refused


def test_a_commit_without_a_pull_request_is_not_applied(step: Step) -> None:
    step.trigger("push")

    assert step.run("apply", approve="comment") == 1
    assert "was not made by merging a pull request" in step.summary
    assert not step.plan().is_empty


def test_an_approval_cannot_be_read_without_a_token(step: Step) -> None:
    step.trigger("push")

    assert step.run("apply", approve="comment", token="") == 1
    assert "needs a `token` that can read pull requests" in step.summary


def test_an_approved_plan_with_a_rejection_is_not_applied(step: Step, forge: Forge) -> None:
    step.trigger("push")
    step.run("apply")
    step.declare("pydata", image="mcr.microsoft.com/azureml/core:2")
    step.review(forge)
    forge.merge("abc", 7)

    assert step.run("apply", approve="comment") == 1
    comment = forge.comments[7][-1]
    marker = read_marker(comment.body)
    assert (marker and marker.kind) == "apply"
    assert (
        "**Nothing was applied.** The plan has 1 rejection, so nothing can be applied. In another "
        "pull request, run `envsync bump pydata` and commit the result."
    ) in comment.body
    assert comment.body.count("### envsync") == 1
    assert "gh workflow run" not in comment.body + step.output
    assert step.output.count("::error") == 1


def test_an_apply_with_skip_rejected_and_only_rejections_says_that_nothing_was_applied(
    step: Step,
) -> None:
    step.trigger("push")
    step.run("apply")
    step.declare("pydata", image="mcr.microsoft.com/azureml/core:2")

    assert step.run("apply", args="--skip-rejected") == 1
    assert "**Nothing was applied.** The plan has 1 rejection" in step.summary
    assert "Nothing was applied to" not in step.output


def test_a_stopped_apply_prints_the_whole_fix_of_each_rejection(step: Step) -> None:
    step.trigger("push")
    step.declare("sklearn")
    step.run("apply")
    # The target has the version that follows the declared version, so the fix names another one.
    newer = step.declare("sklearn", image="mcr.microsoft.com/azureml/core:2")
    newer.write_text(newer.read_text().replace('version: "1"', 'version: "2"'))
    step.run("apply")
    step.declare("pydata", image="mcr.microsoft.com/azureml/core:3")
    step.declare("sklearn", image="mcr.microsoft.com/azureml/core:3")

    assert step.run("apply") == 1
    assert (
        "In another pull request, run `envsync bump pydata` and `envsync bump sklearn --version 3` "
        "and commit the result."
    ) in step.summary


def test_an_apply_of_invalid_files_shows_the_problems(step: Step) -> None:
    step.trigger("push")
    file = step.declare("pydata")
    file.write_text(file.read_text() + "imag: x\n")

    assert step.run("apply") == 1
    assert "error `unknown-field`" in step.summary


@pytest.mark.usefixtures("own_process")
def test_no_shell_interprets_the_arguments(step: Step) -> None:
    assert step.run("plan", args="'$(touch x)' --detailed-exitcode") == 1
    assert "$(touch x)" in step.output
    assert sorted(path.name for path in step.workspace.iterdir()) == ["environments"]
    assert step.run("plan", args="--detailed-exitcode 'py*'") == 2
