"""`envsync refs` lists references, and fails if one of them is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.project.project import write
from tests.repository import new_repository

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest/"
JOB = f"{SCHEMAS}commandJob.schema.json\n"
ENVIRONMENT = "name: {name}\nversion: '1'\ndescription: d\nimage: i:1\n"


@pytest.fixture
def jobs(project: Path) -> Path:
    """A project with the environments `a` and `b`, and with files that use environments."""
    return write(
        project,
        {
            "environments/a.yml": ENVIRONMENT.format(name="a"),
            "environments/b.yml": ENVIRONMENT.format(name="b").replace("i:1", "i:2"),
            "jobs/pipeline.yml": f"{SCHEMAS}pipelineJob.schema.json\n"
            "jobs:\n  one: {environment: 'azureml:a:1'}\n"
            "  two: {environment: 'azureml:a@latest'}\n"
            "  three: {environment: {image: 'i:2'}}\n",
            "train.py": "job = command(environment='azureml:c:1')\n",
        },
    )


def test_references_are_grouped_by_environment(jobs: Path, run: Run) -> None:
    result = run("refs")

    assert result.code == 0
    assert result.out == (
        "a:1  declared\n"
        "  jobs/pipeline.yml:3  pipeline  jobs.one.environment\n"
        "\n"
        "a@latest  floating, declared\n"
        "  jobs/pipeline.yml:4  pipeline  jobs.two.environment\n"
        "\n"
        "c:1  not declared\n"
        "  train.py:1  python  environment  probable\n"
        "\n"
        "inline: image i:2  same content as b:1\n"
        "  jobs/pipeline.yml:5  pipeline  jobs.three.environment\n"
        "\n"
        "train.py:1:27: warning[undeclared-reference] No file declares `c`. Pass -t to look for "
        "it in a target.\n"
        "\n"
        "4 references in 2 of 4 files: 1 floating, 1 probable.\n"
    )


def test_a_glob_selects_references_by_name(jobs: Path, run: Run) -> None:
    names = {item["name"] for item in run("refs", "a*", "--json").data["references"]}

    assert names == {"a"}


def test_refs_fails_if_a_reference_is_broken(jobs: Path, run: Run) -> None:
    write(jobs, {"job.yml": JOB + "environment: a:1\n"})
    result = run("refs")

    assert result.code == 1
    assert "job.yml:2:14: error[broken-reference]" in result.out


def test_a_comment_turns_a_rule_off_on_its_line(jobs: Path, run: Run) -> None:
    write(jobs, {"job.yml": JOB + "environment: a:1  # envsync: ignore[broken-reference]\n"})

    assert run("refs").code == 0


def test_settings_change_the_severity_of_a_rule(jobs: Path, run: Run) -> None:
    write(jobs, {"envsync.yaml": "rules: {floating-reference: error, undeclared-reference: off}\n"})
    result = run("refs", "--json")

    assert result.code == 1
    assert [(item["rule"], item["line"]) for item in result.data["problems"]] == [
        ("floating-reference", 4)
    ]


def test_a_probable_reference_is_at_most_a_warning(jobs: Path, run: Run) -> None:
    write(jobs, {"envsync.yaml": "rules: {undeclared-reference: error}\n"})
    result = run("refs", "--json")

    assert result.code == 0
    assert [item["severity"] for item in result.data["problems"]] == ["warning"]


def test_refs_compares_references_with_the_state_of_a_target(jobs: Path, run: Run) -> None:
    assert run("apply", "--yes").code == 0
    (jobs / "environments/a.yml").unlink()
    result = run("refs", "--target", "local", "--json")
    found = {
        item["text"]: (item["status"], item["registered"], item["will_archive"])
        for item in result.data["references"]
    }

    assert result.code == 1
    assert found["azureml:a:1"] == ("archived", True, True)
    assert found["azureml:a@latest"] == ("archived", True, True)
    # The reference in Python is only probable, so it is a warning.
    assert found["azureml:c:1"] == ("broken", False, False)
    assert [item["severity"] for item in result.data["problems"]] == ["error", "error", "warning"]


def test_refs_shows_which_version_latest_moves_to(jobs: Path, run: Run) -> None:
    assert run("apply", "--yes").code == 0
    text = ENVIRONMENT.format(name="a").replace("'1'", "'2'")
    write(jobs, {"environments/a.yml": text})
    result = run("refs", "-t", "local")

    assert "a@latest  floating, declared, registered, @latest moves 1 → 2\n" in result.out


def test_refs_with_a_target_writes_nothing(jobs: Path, run: Run) -> None:
    assert run("apply", "--yes").code == 0
    (jobs / "environments/a.yml").unlink()
    before = run("list", "--json").data
    assert run("refs", "-t", "local").code == 1

    assert run("list", "--json").data == before


def test_refs_reads_no_target_if_none_is_given(jobs: Path, run: Run) -> None:
    assert run("refs").code == 0
    assert not (jobs / ".envsync").exists()


def test_an_unknown_target_is_wrong_usage(jobs: Path, run: Run) -> None:
    assert run("refs", "-t", "nowhere").code == 64


def test_option_unused_lists_environments_that_no_file_uses(jobs: Path, run: Run) -> None:
    text, data = run("refs", "--unused"), run("refs", "--unused", "--json").data
    github = run("refs", "--unused", "--format", "github")

    assert (text.code, text.out) == (0, "b:1  environments/b.yml:1\n")
    assert data["unused"] == [
        {"name": "b", "version": "1", "file": "environments/b.yml", "line": 1}
    ]
    assert github.out.startswith("::warning file=environments/b.yml,line=1,")


def test_option_unused_says_if_every_environment_is_used(jobs: Path, run: Run) -> None:
    (jobs / "environments/b.yml").unlink()
    result = run("refs", "--unused")

    assert result.out == "Every declared environment is used in the repository.\n"
    assert run("refs", "--unused", "-q").out == ""


def test_a_rule_reports_unused_environments(jobs: Path, run: Run) -> None:
    write(jobs, {"envsync.yaml": "rules: {unused-environment: error}\n"})
    result = run("refs")

    assert result.code == 1
    assert "environments/b.yml:1:1: error[unused-environment]" in result.out


@pytest.mark.usefixtures("clean_git")
def test_paths_are_relative_to_the_project_or_to_the_repository(
    jobs: Path, run: Run, tmp_path: Path
) -> None:
    write(tmp_path, {"mlops/job.yml": JOB + "environment: a:1\n"})
    new_repository(tmp_path)
    sarif = run("refs", "--format", "sarif").data["runs"][0]["results"]
    places = [item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in sarif]

    assert "../mlops/job.yml:2:14: error" in run("refs").out
    assert run("refs", "--json").data["references"][0]["file"] == "../mlops/job.yml"
    assert places == ["mlops/job.yml", "churn/train.py"]
    assert "::error file=mlops/job.yml,line=2,col=14," in run("refs", "--format", "github").out


def test_refs_reports_nothing_in_a_project_without_references(project: Path, run: Run) -> None:
    write(project, {"environments/a.yml": ENVIRONMENT.format(name="a")})

    assert run("refs").out == "0 references in 0 of 1 files.\n"
    assert run("refs", "-q").out == ""


def test_refs_escapes_the_text_of_files(project: Path, run: Run) -> None:
    write(project, {"j\x1b[31m.yml": JOB + 'environment: "azureml:\\e[31m:1"\n'})
    result = run("refs")

    assert "\x1b" not in result.out
    assert "azureml:\\x1b[31m:1" in result.out
