"""Tests of `envsync validate`, `list`, `show` and `schema`."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import Run, declare


def test_validate_prints_all_problems_of_all_files(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b", os_type="BeOS")
    declare(project, "c", image="python")
    result = run("validate")

    assert result.code == 1
    assert result.err == ""
    lines = result.out.splitlines()
    assert lines[0].startswith("environments/a-1.yml:6:1: error[unknown-field]")
    assert lines[1].startswith("environments/b-1.yml:6:10: error[wrong-type]")
    assert lines[2].startswith("environments/c-1.yml:4:8: warning[unpinned-image]")
    assert lines[3] == "3 environment files: 2 errors, 1 warning."


def test_validate_prints_problems_as_json(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b")
    data = run("validate", "--format", "json").data

    (problem,) = data["problems"]
    assert (data["format_version"], data["files"], data["environments"]) == (1, 2, 1)
    assert list(problem) == ["rule", "severity", "message", "file", "line", "column", "fix"]
    assert (problem["rule"], problem["line"], problem["column"]) == ("unknown-field", 6, 1)


def test_validate_prints_a_summary_without_problems(project: Path, run: Run) -> None:
    declare(project, "a")

    assert run("validate").out == "Valid. 1 environment file, no problems.\n"
    assert run("-q", "validate").out == ""


def test_validate_with_option_strict_fails_if_there_are_warnings(project: Path, run: Run) -> None:
    declare(project, "a", image="python")

    assert run("validate").code == 0
    assert run("validate", "--strict").code == 1


def test_validate_lists_skipped_files_with_option_verbose(project: Path, run: Run) -> None:
    write(project, "environments/sub/job.yml", "jobs: {}\n")
    write(project, "environments/.old/e.yml", "name: e\nimage: i:1\n")
    reasons = (
        "environments/.old/e.yml: not an environment file: it is in a hidden directory, and only "
        "hidden directories that are named are searched\n"
        "environments/sub/job.yml: not an environment file: it has neither the `$schema` of "
        "environments nor a `name` with `image` or `build`\n"
    )

    assert run("-v", "validate").out == reasons + run("validate").out
    assert run("-v", "validate", "--json").out == run("validate", "--json").out


def test_validate_searches_a_hidden_directory_on_the_command_line(project: Path, run: Run) -> None:
    write(project, "environments/.old/e.yml", "name: e\nimage: i:1\n")

    assert "environments/.old/e.yml:1:1: warning" in run("validate", "environments/.old").out
    assert ".old" not in run("validate").out


def write(project: Path, path: str, text: str) -> None:
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text(text)


def test_validate_accepts_files_and_directories(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b")

    assert run("validate", "environments/b-1.yml").code == 0
    assert run("validate", "environments/a-1.yml").code == 1
    assert run("validate", "environments").code == 1
    missing = run("validate", "environments/none.yml")
    assert (missing.code, "missing-file" in missing.out) == (1, True)


@pytest.fixture
def filled(project: Path, run: Run) -> Path:
    """Creates a target with two versions of `a`, an archived `b` and an active `c`."""
    declare(project, "a", "1", tags="{team: x}")
    declare(project, "a", "2")
    b = declare(project, "b", "1")
    declare(project, "c", "1")
    run("apply", "--yes")
    # The second apply archives `b`, because the file of `b` is deleted.
    b.unlink()
    run("apply", "--yes")
    return project


def test_list_prints_archived_environments_only_with_option_all(filled: Path, run: Run) -> None:
    assert run("list").out.splitlines() == [
        "NAME  LATEST  VERSIONS  OWNER",
        "a     2       2         churn",
        "c     1       1         churn",
    ]
    assert run("list", "--all").out.splitlines() == [
        "NAME  LATEST  VERSIONS  OWNER  STATE",
        "a     2       2         churn  active",
        "b     -       1         churn  archived",
        "c     1       1         churn  active",
    ]


def test_list_prints_environments_and_versions_as_json(filled: Path, run: Run) -> None:
    data = run("list", "--format", "json").data
    assert [(item["name"], item["latest"], item["archived"]) for item in data] == [
        ("a", "2", False),
        ("c", "1", False),
    ]
    assert list(data[0]["versions"][0]) == ["version", "archived", "created", "owner"]

    everything = run("list", "--all", "--format", "json").data
    assert [item["name"] for item in everything] == ["a", "b", "c"]
    assert everything[1]["archived"] is True
    assert everything[1]["versions"][0]["archived"] is True


def test_list_of_an_empty_target_creates_no_file(project: Path, run: Run) -> None:
    assert run("list").out == "The target has no environments.\n"
    assert run("list", "--format", "json").data == []
    assert not (project / ".envsync").exists()


def test_show_prints_an_environment(filled: Path, run: Run) -> None:
    text = run("show", "a").out
    assert text.splitlines()[0] == "a"
    assert "2 @latest" in text

    data = run("show", "a", "--format", "json").data
    assert (data["name"], data["latest"], data["archived"]) == ("a", "2", False)
    assert [item["version"] for item in data["versions"]] == ["1", "2"]


@pytest.mark.parametrize(("reference", "version"), [("a:1", "1"), ("a:2", "2"), ("a@latest", "2")])
def test_show_prints_a_version(filled: Path, run: Run, reference: str, version: str) -> None:
    data = run("show", reference, "--format", "json").data

    assert (data["name"], data["version"], data["owner"]) == ("a", version, "churn")
    assert data["image"] == "mcr.microsoft.com/azureml/base:1"
    assert data["source"] == f"environments/a-{version}.yml"
    assert run("show", reference).out.startswith(f"a:{version}\n")


def test_show_prints_the_history_of_an_environment_or_a_version(filled: Path, run: Run) -> None:
    data = run("show", "b", "--history", "--format", "json").data
    assert [(item["action"], item["version"]) for item in data] == [
        ("create", "1"),
        ("archive", None),
    ]
    assert "archive" in run("show", "b", "--history").out
    versions = run("show", "a:1", "--history", "--format", "json").data
    assert {item["version"] for item in versions} == {"1"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("none", "no environment 'none'"),
        ("a:9", "no version '9'. Its versions are: 1, 2."),
        ("b@latest", "no active version"),
    ],
)
def test_show_fails_for_an_unknown_name_or_version(
    filled: Path, run: Run, reference: str, message: str
) -> None:
    result = run("show", reference)

    assert (result.code, result.out) == (1, "")
    assert message in result.err


@pytest.mark.parametrize("kind", ["environment", "config", "plan"])
def test_schema_prints_a_valid_json_schema(run: Run, kind: str) -> None:
    schema = run("schema", kind).data

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"]
