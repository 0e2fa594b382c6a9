"""Tests of `envsync plan` and `envsync apply` on a local target."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pexpect
import pytest

from envsync.model.before import Before
from envsync.model.environment import Environment
from envsync.model.errors import TargetError
from envsync.model.state import State
from envsync.targets.local.target import LocalTarget
from tests.cli.conftest import Run, declare
from tests.forked import program


def history(project: Path) -> int:
    """Returns the number of changes in the history of the target."""
    path = project / ".envsync" / "local.db"
    if not path.exists():
        return 0
    connection = sqlite3.connect(path)
    try:
        (count,) = connection.execute("SELECT count(*) FROM history").fetchone()
        return int(count)
    finally:
        connection.close()


def test_the_plan_is_empty_after_an_apply(project: Path, run: Run) -> None:
    declare(project, "a", tags="{team: x}")

    planned = run("plan")
    assert planned.code == 0
    assert "+ create   a:1" in planned.out
    assert "Plan: 1 create, 0 unchanged." in planned.out
    # A plan never writes.
    assert not (project / ".envsync").exists()

    applied = run("apply", "--yes")
    assert applied.code == 0
    assert "+ create   a:1  done" in applied.out
    assert "Verified:" in applied.out

    again = run("plan", "--detailed-exitcode")
    assert (again.code, "No changes." in again.out) == (0, True)
    assert run("apply").out == again.out
    assert history(project) == 1


@pytest.mark.parametrize(
    ("environments", "context"), [("environments", ".."), ("environments", "."), (".", ".")]
)
def test_plan_is_empty_after_apply_if_the_build_context_contains_the_local_target(
    project: Path, run: Run, environments: str, context: str
) -> None:
    path = f"{environments}/.envsync/local.db" if context == "." else ".envsync/local.db"
    settings = f"environments: {environments}\ntargets:\n  local: {{kind: local, path: {path}}}\n"
    (project / "envsync.yaml").write_text(settings)
    directory = project / environments
    (directory / context / "Dockerfile").write_text("FROM scratch\n")
    (directory / "a.yml").write_text(f"name: a\ndescription: d\nbuild: {{path: {context}}}\n")

    assert run("apply", "--yes").code == 0
    size = sum(file.stat().st_size for file in project.rglob("*") if file.is_file())
    for _ in range(2):
        assert "No changes." in run("plan").out
        assert run("apply", "--yes").code == 0
    assert size == sum(file.stat().st_size for file in project.rglob("*") if file.is_file())


def test_the_json_of_a_plan_is_valid_and_complete(project: Path, run: Run) -> None:
    declare(project, "a", tags="{team: x}")
    data = run("plan", "--format", "json").data

    jsonschema.validate(
        data, json.loads(files("envsync").joinpath("schemas/plan.json").read_text())
    )
    assert data["project"] == "churn"
    assert data["target"] == {"name": "local", "kind": "local", "id": ".envsync/local.db"}
    assert data["changes"] == [
        {
            "action": "create",
            "scope": "version",
            "name": "a",
            "version": "1",
            "reason": "not in the target",
            "owner": None,
            "fields": [
                {"path": "image", "before": None, "after": "mcr.microsoft.com/azureml/core:1"},
                {"path": "description", "before": None, "after": "About"},
                {"path": "tags.team", "before": None, "after": "x"},
            ],
            "source": {"file": "environments/a-1.yml", "line": 2},
            "predecessor": None,
            "differs": [],
        }
    ]
    assert data["latest"] == []


def test_option_detailed_exitcode_returns_two_for_changes_and_one_for_rejections(
    project: Path, run: Run
) -> None:
    declare(project, "a")
    assert run("plan", "--detailed-exitcode").code == 2
    assert run("apply", "--yes").code == 0
    declare(project, "a", image="mcr.microsoft.com/azureml/core:2")
    declare(project, "b")
    assert run("plan").code == 1
    assert run("plan", "--detailed-exitcode").code == 1


def test_a_rejection_stops_apply_and_option_skip_rejected_applies_the_rest(
    project: Path, run: Run
) -> None:
    declare(project, "a")
    run("apply", "--yes")
    declare(project, "a", image="mcr.microsoft.com/azureml/core:2")
    declare(project, "a", "2")
    declare(project, "b")

    stopped = run("apply", "--yes")
    assert stopped.code == 1
    assert "1 rejection" in stopped.err
    assert "envsync bump a" in stopped.out
    assert history(project) == 1

    rest = run("apply", "--yes", "--skip-rejected", "--format", "json")
    assert rest.code == 1
    assert [
        (item["name"], item["version"], item["status"], item["error"])
        for item in rest.data["outcomes"]
    ] == [("b", "1", "done", None), ("a", "2", "skipped", "held back by a rejection")]
    assert rest.data["verified"] is True
    assert history(project) == 2


def test_errors_in_files_stop_plan_and_apply_before_the_target_is_read(
    project: Path, run: Run
) -> None:
    declare(project, "a", versoin="1")
    (project / ".envsync").mkdir()
    (project / ".envsync" / "local.db").write_bytes(b"this is no database")

    for command in (["plan"], ["apply", "--yes"]):
        result = run(*command)
        assert result.code == 1
        assert result.out == ""
        assert "environments/a-1.yml:6:1: error[unknown-field]" in result.err
        assert "version" in result.err


def test_the_error_without_files_and_with_prune_none_mentions_no_mass_archive(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").write_text("prune: none\n")
    result = run("plan")

    assert result.code == 1
    assert "With `prune: none`, nothing is archived, so there is nothing to plan." in result.err
    assert "--allow-mass-archive" not in result.err


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_project_without_environment_files_is_an_error(
    project: Path, run: Run, command: str
) -> None:
    (project / "envsync.yaml").write_text("project: churn\n")
    result = run(command)
    assert result.code == 1
    assert "no environment file below `environments`" in result.err
    assert "--allow-mass-archive" in result.err


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("enviroments", "`enviroments`"),
        ("[enviroments, extra]", "`enviroments`, `extra`"),
        ("envsync.yaml", "`envsync.yaml`"),
    ],
)
def test_the_error_about_a_missing_directory_begins_with_the_directory(
    project: Path, run: Run, command: str, value: str, named: str
) -> None:
    declare(project, "a")
    run("apply", "--yes")
    (project / "envsync.yaml").write_text(f"environments: {value}\n")
    result = run(command)

    assert result.code == 1
    error = result.err[result.err.index("Error:") :]
    assert error.startswith(f"Error: {named} in `environments` of envsync.yaml is not a directory")
    assert history(project) == 1


def test_archiving_everything_needs_option_allow_mass_archive(project: Path, run: Run) -> None:
    path = declare(project, "a")
    run("apply", "--yes")
    path.unlink()

    assert run("apply", "--yes").code == 1
    allowed = run("apply", "--yes", "--allow-mass-archive")
    assert allowed.code == 0
    assert "- archive  a  done" in allowed.out


def test_the_mass_archive_guard_prints_the_plan_and_refuses_it(project: Path, run: Run) -> None:
    paths = [declare(project, f"e{number}") for number in range(10)]
    run("apply", "--yes")
    for path in paths[:4]:
        path.unlink()

    for command in (["plan"], ["apply", "--yes"]):
        result = run(*command)
        assert result.code == 1
        assert "4 of 10 owned environments" in result.out
    assert history(project) == 10
    assert run("plan", "--allow-mass-archive").code == 0
    assert run("apply", "--yes", "--allow-mass-archive").code == 0


def test_globs_limit_the_plan(project: Path, run: Run) -> None:
    declare(project, "train-a")
    declare(project, "serve-b")

    assert [
        item["name"] for item in run("plan", "train-*", "--format", "json").data["changes"]
    ] == ["train-a"]
    assert run("apply", "serve-*", "--yes").code == 0
    assert run("plan", "serve-*", "--detailed-exitcode").code == 0
    missing = run("plan", "nothing-*")
    assert (missing.code, "environment matches 'nothing-*'" in missing.err) == (1, True)


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize(
    ("glob", "advice"),
    [
        ("environments/a-1.yml", "Pass a name that is declared there: `a`."),
        ("./a-1.yml", "Pass a name that is declared there: `a`."),
        ("a:1", "Pass `a` instead."),
        ("a@latest", "Pass `a` instead."),
    ],
)
def test_a_path_or_a_version_instead_of_a_name_is_reported_before_the_target_is_read(
    project: Path, run: Run, command: str, glob: str, advice: str
) -> None:
    declare(project, "a")
    (project / ".envsync").mkdir()
    (project / ".envsync" / "local.db").write_text("not a database")
    assert "local.db" in run(command, "a").err
    result = run(command, glob)

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"Error: No declared or owned environment matches '{glob}'. ")
    assert advice in result.err


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize(
    ("glob", "advice"),
    [
        ("plan.json", "run `envsync apply --plan plan.json`."),
        ("A", "Names are case-sensitive. Did you mean `a`?"),
        ("A*", "In another case, the GLOB matches `a`."),
        ("nothing", "Run `envsync list`"),
    ],
)
def test_the_error_for_a_word_that_is_not_a_name_says_what_to_do(
    project: Path, run: Run, command: str, glob: str, advice: str
) -> None:
    declare(project, "a")
    result = run(command, glob)

    assert (result.code, result.out) == (1, "")
    assert advice in result.err


def test_a_saved_plan_is_refused_once_it_is_stale(project: Path, run: Run) -> None:
    declare(project, "a")
    assert run("plan", "--out", "plan.json").code == 0
    declare(project, "b")

    stale = run("apply", "--plan", "plan.json")
    assert stale.code == 1
    assert "plan-stale" in stale.err
    assert history(project) == 0

    run("plan", "--out", "plan.json")
    assert run("apply", "--plan", "plan.json").code == 0
    assert history(project) == 2


def test_apply_makes_the_remaining_changes_of_a_saved_plan(project: Path, run: Run) -> None:
    declare(project, "a")
    declare(project, "b")
    digest = run("plan", "--out", "plan.json", "--format", "json").data["digest"]
    run("apply", "a", "--yes")

    assert run("apply", "--approve", digest).code == 1
    assert run("apply", "--plan", "plan.json", "--approve", "sha256:" + "0" * 64).code == 1
    assert history(project) == 1
    left = run("apply", "--plan", "plan.json", "--approve", digest)
    assert (left.code, history(project)) == (0, 2)
    assert "Of the 2 changes of the saved plan, 1 is left." in left.err
    again = run("apply", "--plan", "plan.json")
    assert (again.code, history(project)) == (0, 2)


def test_a_saved_plan_is_refused_if_one_of_its_changes_differs_now(project: Path, run: Run) -> None:
    declare(project, "a")
    declare(project, "b")
    run("plan", "--out", "plan.json")
    run("apply", "a", "--yes")
    declare(project, "b", description="Another one.")

    stale = run("apply", "--plan", "plan.json")
    assert (stale.code, "plan-stale" in stale.err, history(project)) == (1, True, 1)


def test_a_saved_plan_approves_nothing_in_another_target(project: Path, run: Run) -> None:
    declare(project, "a")
    run("plan", "--out", "plan.json")
    (project / "envsync.yaml").write_text(
        "project: p\ntargets:\n  local: {kind: local, path: other.db}\n"
    )

    assert run("apply", "--plan", "plan.json").code == 1
    assert not (project / "other.db").exists()


def test_apply_is_refused_if_the_approved_digest_is_not_the_digest_of_the_plan(
    project: Path, run: Run
) -> None:
    declare(project, "a")
    digest = run("plan", "--format", "json").data["digest"]

    wrong = run("apply", "--approve", "sha256:" + "0" * 64)
    assert (wrong.code, "plan-stale" in wrong.err) == (1, True)
    assert run("apply", "--approve", digest).code == 0
    assert history(project) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a plan: it is not valid JSON: Expecting value"),
        (b"{}", "not a plan that envsync wrote: the key `format_version` is missing."),
        (b"[]", "not a plan that envsync wrote: the plan is not of the type object."),
        (b"[" * 100_000, "not a plan: it is not valid JSON."),
        (b"\xff\xfe{\0}\0", "not a plan: it is not UTF-8."),
        (b'{"format_version": 99}', "format version 99"),
    ],
)
def test_a_file_without_a_plan_is_reported_on_one_line(
    project: Path, run: Run, content: bytes, message: str
) -> None:
    declare(project, "a")
    (project / "plan.json").write_bytes(content)
    result = run("apply", "--plan", "plan.json")

    assert result.code == 1
    assert "plan.json" in result.err
    assert message in result.err
    # The file can be anything, such as an environment file. No advice overwrites it.
    assert "--out plan.json" not in result.err
    assert result.err.count("\n") == 1


def test_a_plan_file_that_cannot_be_read_or_written_is_reported_on_one_line(
    project: Path, run: Run
) -> None:
    declare(project, "a")

    for arguments in (["apply", "--plan", "none.json"], ["plan", "--out", "none/plan.json"]):
        result = run(*arguments)
        assert result.code == 1
        assert result.err.startswith("Error: none")
        assert result.err.count("\n") == 1
    assert not list(project.glob(".plan*"))


def test_apply_without_option_yes_is_refused_if_there_is_no_terminal(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a")
    with Path(os.devnull).open() as no_terminal:
        monkeypatch.setattr("sys.stdin", no_terminal)
        result = run("apply")

    assert result.code == 1
    assert "--yes" in result.err
    assert history(project) == 0


def test_option_all_targets_plans_each_target_in_order(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text(
        "targets:\n"
        "  one: {kind: local, path: .envsync/one.db}\n"
        "  two: {kind: local, path: .envsync/two.db}\n"
        "default_target: one\n"
    )
    declare(project, "a")
    assert run("apply", "-t", "two", "--yes").code == 0

    result = run("plan", "--all-targets", "--detailed-exitcode")
    assert result.code == 2
    assert result.out.index("Target one") < result.out.index("Target two")
    plans = run("plan", "--all-targets", "--format", "json").data["plans"]
    assert [plan["summary"]["create"] for plan in plans] == [1, 0]
    markdown = run("plan", "--all-targets", "--format", "markdown").out
    one, two = markdown.split("\n\n### envsync · two\n\n")
    assert one.startswith("### envsync · one\n\n**1 to create, 0 unchanged** in the local target ")
    assert two.startswith("**No changes, 1 unchanged** in the local target ")
    assert run("plan", "--all-targets", "-t", "one").code == 64


def test_option_all_targets_plans_the_other_targets_if_one_target_fails(
    project: Path, run: Run
) -> None:
    settings = (
        "targets:\n"
        "  unset: {kind: local, path: '${NOT_SET}'}\n"
        "  broken: {kind: local, path: broken.db}\n"
        "  empty: {kind: local, path: empty.db, include: ['nothing-*']}\n"
        "  good: {kind: local, path: good.db}\n"
        "default_target: good\n"
    )
    (project / "envsync.yaml").write_text(settings)
    (project / "broken.db").write_bytes(b"no database")
    declare(project, "a")

    text = run("plan", "--all-targets", "--detailed-exitcode")
    data = run("plan", "--all-targets", "--format", "json").data

    assert text.code == 1
    assert "Target good" in text.out
    errors = [line for line in text.err.splitlines() if line.startswith("Error: ")]
    assert [line.partition(":")[2].partition(":")[0] for line in errors] == [
        " Cannot make a plan for the target unset",
        " Cannot make a plan for the target broken",
        " Cannot make a plan for the target empty",
    ]
    assert [plan["target"]["name"] for plan in data["plans"]] == ["good"]
    assert list(data["unreachable"]) == ["unset", "broken", "empty"]


def test_option_all_targets_reports_an_error_of_the_project_once(project: Path, run: Run) -> None:
    (project / "envsync.yaml").write_text(
        "targets:\n  one: {kind: local, path: one.db}\n  two: {kind: local, path: two.db}\n"
    )
    one = run("plan", "-t", "one")
    both = run("plan", "--all-targets")

    assert one.code == 1
    assert (both.code, both.out, both.err) == (1, one.out, one.err)


def test_option_all_targets_plans_the_targets_that_have_an_environment_of_a_glob(
    project: Path, run: Run
) -> None:
    (project / "envsync.yaml").write_text(
        "targets:\n  dev: {kind: local, path: dev.db, suffix: -dev}\n"
        "  prod: {kind: local, path: prod.db}\n"
    )
    declare(project, "a")

    result = run("plan", "--all-targets", "a-dev", "--format", "json")

    assert result.code == 1
    assert [plan["target"]["name"] for plan in result.data["plans"]] == ["dev"]
    assert list(result.data["unreachable"]) == ["prod"]
    assert result.err.count("Error: ") == 1


def test_plan_has_the_same_exit_codes_in_markdown_format(project: Path, run: Run) -> None:
    declare(project, "a")
    assert run("plan", "--format", "markdown").code == 0
    assert run("plan", "--format", "markdown", "--detailed-exitcode").code == 2
    run("apply", "--yes")
    declare(project, "a", image="mcr.microsoft.com/azureml/core:2")
    result = run("plan", "--format", "markdown")

    assert result.code == 1
    assert "**`a:1` is rejected** as `immutable` (`environments/a-1.yml:2`): " in result.out
    assert '\n-   image  "mcr.microsoft.com/azureml/core:1"\n' in result.out
    assert "\nFix: `envsync bump a`\n" in result.out


def test_a_file_whose_name_is_not_utf8_cannot_be_planned(project: Path, run: Run) -> None:
    try:
        declare(project, "a").rename(project / "environments" / "\udcff.yml")
    except OSError:
        pytest.skip("the file system does not accept this name")

    result = run("plan", "--out", "plan.json")
    assert result.code == 1
    assert "The path of the file is not UTF-8" in result.err
    assert not (project / "plan.json").exists()


def test_option_take_over_takes_ownership_of_a_version_of_another_project(
    project: Path, run: Run
) -> None:
    declare(project, "a")
    run("apply", "--yes")
    (project / "envsync.yaml").write_text("project: other\n")

    refused = run("plan", "--format", "json")
    assert refused.code == 1
    assert refused.data["rejections"][0]["code"] == "foreign-owner"
    assert run("apply", "--yes", "--take-over").code == 0
    assert run("list", "--format", "json").data[0]["versions"][0]["owner"] == "other"


def test_option_quiet_prints_only_the_summary(project: Path, run: Run) -> None:
    declare(project, "a")

    assert run("-q", "plan").out == "Plan: 1 create, 0 unchanged.\n"
    assert run("-q", "apply", "--yes").out.splitlines() == [
        "Plan: 1 create, 0 unchanged.",
        "Applied: 1 done.",
        "Verified: the target shows every change that was done.",
    ]


def test_warnings_go_to_standard_error_and_do_not_stop_plan(project: Path, run: Run) -> None:
    declare(project, "a", image="python")

    result = run("plan")
    assert result.code == 0
    assert "warning[unpinned-image]" in result.err
    assert "warning" not in result.out
    assert run("-q", "plan").err == ""


def test_apply_prints_a_failed_change_and_exits_with_one(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a")
    declare(project, "b")
    create = LocalTarget.create

    def fail(self: LocalTarget, environment: Environment, before: Before | None = None) -> None:
        if str(environment.key) == "a:1":
            raise TargetError("The disk is full.")
        create(self, environment, before)

    monkeypatch.setattr(LocalTarget, "create", fail)
    result = run("apply", "--yes")

    assert result.code == 1
    assert "+ create   a:1  failed: The disk is full." in result.out
    assert "\n\n  + create   " in result.out.partition("Digest")[2]
    assert "+ create   b:1  done" in result.out
    assert "Applied: 1 done, 1 failed." in result.out
    assert run("plan", "--format", "json").data["summary"]["create"] == 1


def test_apply_fails_after_a_lost_write_unless_verification_is_turned_off(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a")
    monkeypatch.setattr(LocalTarget, "create", lambda *_: None)
    result = run("apply", "--yes")

    assert result.code == 1
    assert "Not verified: the target does not show the changes of a:1." in result.out
    assert run("apply", "--yes", "--format", "json").data["verified"] is False
    unverified = run("apply", "--yes", "--no-verify", "--format", "json")
    assert (unverified.code, unverified.data["verified"]) == (0, None)


@pytest.mark.parametrize("arguments", [(), ("--format", "json")])
def test_outcomes_are_printed_even_if_the_target_cannot_be_read_again(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    declare(project, "a")
    read, reads = LocalTarget.read, []

    def read_once(self: LocalTarget, *query: Any) -> State:
        reads.append(query)
        if len(reads) > 1:
            raise TargetError("The network is down.")
        return read(self, *query)

    monkeypatch.setattr(LocalTarget, "read", read_once)
    result = run("apply", "--yes", *arguments)

    assert result.code == 1
    assert result.err == (
        "Error: cannot verify the changes, because the target cannot be read again: "
        "The network is down.\n"
    )
    if arguments:
        assert [item["status"] for item in result.data["outcomes"]] == ["done"]
        assert result.data["verified"] is False
    else:
        assert "+ create   a:1  done" in result.out
        assert "Applied: 1 done." in result.out


def test_a_refused_apply_prints_the_plan_as_json(project: Path, run: Run) -> None:
    declare(project, "a")
    result = run("apply", "--approve", "sha256:" + "0" * 64, "--format", "json")

    assert result.code == 1
    assert result.data["plan"]["summary"]["create"] == 1
    assert (result.data["outcomes"], result.data["verified"]) == ([], None)


def in_terminal(project: Path, *arguments: str) -> pexpect.spawn[str]:
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    # NO_COLOR would turn off colours in the terminal.
    environment.pop("NO_COLOR", None)
    return pexpect.spawn(
        program(),
        list(arguments),
        cwd=str(project),
        env=environment,
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 80),
    )


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("yes", 0), ("n", 1), ("", 1)])
def test_apply_asks_for_confirmation_in_a_terminal(project: Path, answer: str, code: int) -> None:
    declare(project, "a")
    child = in_terminal(project, "apply")
    child.expect(r"Apply 1 change to local\? \[y/N\] ")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == code
    assert history(project) == (1 if code == 0 else 0)


def test_apply_shows_colour_and_a_progress_bar_in_a_terminal(project: Path) -> None:
    for number in range(20):
        declare(project, f"e{number}")
    child = in_terminal(project, "apply", "--yes")
    child.expect(pexpect.EOF)
    child.close()
    shown = str(child.before)

    assert child.exitstatus == 0
    assert "\x1b[" in shown
    assert "Applying" in shown
    assert "━" in shown
    assert "20/20" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_apply_finishes_the_changes_in_flight_after_a_signal_and_exits_with_130(
    project: Path, number: signal.Signals
) -> None:
    for index in range(1000):
        declare(project, f"e{index}")
    process = subprocess.Popen(
        [program(), "apply", "--yes", "--parallel", "1", "--format", "json"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Send the signal during the apply, after the first writes.
    deadline = time.monotonic() + 60
    while history(project) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    statuses = [item["status"] for item in json.loads(out)["outcomes"]]
    assert process.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert 5 <= statuses.count("done") == history(project) < 1000
    assert statuses.count("done") + statuses.count("skipped") == 1000

    finish = subprocess.run([program(), "-q", "apply", "--yes"], cwd=project, capture_output=True)
    assert finish.returncode == 0
    assert history(project) == 1000


def test_plan_is_empty_after_apply_if_the_project_directory_contains_the_local_target(
    tmp_path: Path, run: Run
) -> None:
    # The whole project is the build context, and the target's file is in the project directory.
    (tmp_path / "envsync.yaml").write_text(
        "project: churn\nenvironments: .\ntargets: {local: {kind: local, path: state.db}}\n"
    )
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / ".amlignore").write_text("state.db*\nenvsync.yaml\na.yml\n")
    (tmp_path / "a.yml").write_text("name: a\ndescription: d\nbuild: {path: .}\n")

    assert run("-C", str(tmp_path), "apply", "--yes").code == 0
    assert run("-C", str(tmp_path), "plan", "--detailed-exitcode").code == 0
    assert run("-C", str(tmp_path), "validate", "--strict").code == 0
