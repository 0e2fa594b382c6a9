"""The formats of findings, and from where their files are named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sarif_pydantic import Sarif  # type: ignore[import-untyped]  # it has no types to offer

from tests.cli.conftest import Run, declare

FORMATS = ("text", "json", "github", "sarif")


@pytest.fixture(autouse=True)
def no_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine of one's own: the tests themselves may run in a workflow."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


def test_github_annotates_lines(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b", image="python")
    result = run("validate", "--format", "github")

    assert (result.code, result.err) == (1, "")
    error, warning = result.out.splitlines()
    assert error.startswith("::error file=environments/a-1.yml,line=6,col=1,title=unknown-field::")
    assert warning.startswith(
        "::warning file=environments/b-1.yml,line=4,col=8,title=unpinned-image::"
    )


def test_no_problem_is_no_annotation(project: Path, run: Run) -> None:
    declare(project, "a")

    assert run("validate", "--format", "github").out == ""


def test_sarif(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    result = run("validate", "--format", "sarif")
    Sarif.model_validate_json(result.out)

    assert result.code == 1
    (found,) = result.data["runs"][0]["results"]
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "environments/a-1.yml"
    assert place["region"] == {"startLine": 6, "startColumn": 1}


@pytest.mark.parametrize("output", FORMATS)
def test_strict_fails_in_every_format_and_changes_no_severity(
    project: Path, run: Run, output: str
) -> None:
    declare(project, "a", image="python")
    lenient = run("validate", "--format", output)
    strict = run("validate", "--strict", "--format", output)

    assert (lenient.code, strict.code) == (0, 1)
    assert strict.out == lenient.out


def test_files_are_named_from_the_root_of_the_repository(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    subprocess.run(["git", "init", "-q", str(project.parent)], check=True)

    assert "file=churn/environments/a-1.yml," in run("validate", "--format", "github").out
    assert '"uri": "churn/environments/a-1.yml"' in run("validate", "--format", "sarif").out
    (problem,) = run("validate", "--format", "json").data["problems"]
    assert problem["file"] == "environments/a-1.yml"


def test_files_are_named_from_the_workspace_where_there_is_no_repository(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a", versoin="1")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    assert "file=churn/environments/a-1.yml," in run("validate", "--format", "github").out

    monkeypatch.setenv("GITHUB_WORKSPACE", str(project / "elsewhere"))
    assert "file=environments/a-1.yml," in run("validate", "--format", "github").out


@pytest.mark.parametrize("output", FORMATS)
def test_a_broken_config_is_shown_in_every_format(project: Path, run: Run, output: str) -> None:
    (project / "envsync.yaml").write_text("targts: {}\n")
    result = run("validate", "--format", output)

    assert (result.code, result.err) == (1, "")
    assert "envsync.yaml" in result.out
    assert "unknown-field" in result.out


def test_a_broken_config_as_json(project: Path, run: Run) -> None:
    (project / "sub").mkdir()
    (project / "envsync.yaml").write_text("targts: {}\n")
    data = run("-C", "sub", "validate", "--format", "json").data

    assert (data["files"], data["environments"]) == (0, 0)
    assert [(item["file"], item["line"]) for item in data["problems"]] == [("envsync.yaml", 1)]


@pytest.mark.parametrize("output", FORMATS)
def test_a_path_that_is_not_there_is_shown_in_every_format(
    project: Path, run: Run, output: str
) -> None:
    result = run("validate", "--format", output, "none.yml")

    assert (result.code, result.err) == (1, "")
    assert "none.yml" in result.out
    assert "missing-file" in result.out


@pytest.mark.parametrize("output", FORMATS)
def test_a_file_name_that_is_not_utf8(project: Path, run: Run, output: str) -> None:
    try:
        (project / "environments" / "\udcff.yml").write_text("name: a\nimage: a:1\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    result = run("validate", "--format", output)

    assert result.code == 0
    assert ("%FF" if output == "sarif" else r"\udcff") in result.out


def test_a_project_that_a_link_leads_to_is_named_by_where_it_lies(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    (project / "envsync.yaml").touch()
    (project.parent / ".git").mkdir()
    linked = project / "linked"
    linked.symlink_to(project)
    result = run("--config", str(linked / "envsync.yaml"), "validate", "--format", "github")

    assert result.out.startswith("::error file=churn/environments/a-1.yml,")
