"""Tests of the output formats of problems, and of the paths in them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sarif_pydantic import Sarif  # type: ignore[import-untyped]  # it has no type annotations

from tests.cli.conftest import Run, declare

FORMATS = ("text", "json", "github", "sarif")


@pytest.fixture(autouse=True)
def no_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unsets GITHUB_WORKSPACE, because the tests themselves can run in a GitHub workflow."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


def test_github_annotations_contain_file_line_and_column(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    declare(project, "b", image="python")
    result = run("validate", "--format", "github")

    assert (result.code, result.err) == (1, "")
    error, warning = result.out.splitlines()
    assert error.startswith("::error file=environments/a-1.yml,line=6,col=1,title=unknown-field::")
    assert warning.startswith(
        "::warning file=environments/b-1.yml,line=4,col=8,title=unpinned-image::"
    )


def test_no_annotation_is_printed_without_problems(project: Path, run: Run) -> None:
    declare(project, "a")

    assert run("validate", "--format", "github").out == ""


def test_sarif_is_valid_and_contains_the_position(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    result = run("validate", "--format", "sarif")
    Sarif.model_validate_json(result.out)

    assert result.code == 1
    (found,) = result.data["runs"][0]["results"]
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "environments/a-1.yml"
    assert place["region"] == {"startLine": 6, "startColumn": 1}


@pytest.mark.parametrize("output", FORMATS)
def test_option_strict_exits_with_one_and_does_not_change_the_output(
    project: Path, run: Run, output: str
) -> None:
    declare(project, "a", image="python")
    lenient = run("validate", "--format", output)
    strict = run("validate", "--strict", "--format", output)

    assert (lenient.code, strict.code) == (0, 1)
    assert strict.out == lenient.out


def test_paths_are_relative_to_the_root_of_the_repository(project: Path, run: Run) -> None:
    declare(project, "a", versoin="1")
    subprocess.run(["git", "init", "-q", str(project.parent)], check=True)

    assert "file=churn/environments/a-1.yml," in run("validate", "--format", "github").out
    assert '"uri": "churn/environments/a-1.yml"' in run("validate", "--format", "sarif").out
    (problem,) = run("validate", "--format", "json").data["problems"]
    assert problem["file"] == "environments/a-1.yml"


def test_paths_are_relative_to_the_github_workspace_without_a_repository(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "a", versoin="1")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    assert "file=churn/environments/a-1.yml," in run("validate", "--format", "github").out

    monkeypatch.setenv("GITHUB_WORKSPACE", str(project / "elsewhere"))
    assert "file=environments/a-1.yml," in run("validate", "--format", "github").out


@pytest.mark.parametrize("output", FORMATS)
def test_an_error_in_the_settings_is_printed_in_every_format(
    project: Path, run: Run, output: str
) -> None:
    (project / "envsync.yaml").write_text("targts: {}\n")
    result = run("validate", "--format", output)

    assert (result.code, result.err) == (1, "")
    assert "envsync.yaml" in result.out
    assert "unknown-field" in result.out


def test_the_json_of_an_error_in_the_settings_contains_zero_files(project: Path, run: Run) -> None:
    (project / "sub").mkdir()
    (project / "envsync.yaml").write_text("targts: {}\n")
    data = run("-C", "sub", "validate", "--format", "json").data

    assert (data["files"], data["environments"]) == (0, 0)
    assert [(item["file"], item["line"]) for item in data["problems"]] == [("envsync.yaml", 1)]


@pytest.mark.parametrize("output", FORMATS)
def test_validate_prints_a_missing_path_in_every_format(
    project: Path, run: Run, output: str
) -> None:
    result = run("validate", "--format", output, "none.yml")

    assert (result.code, result.err) == (1, "")
    assert "none.yml" in result.out
    assert "missing-file" in result.out


@pytest.mark.parametrize("output", FORMATS)
def test_a_file_name_that_is_not_utf8_is_escaped(project: Path, run: Run, output: str) -> None:
    try:
        (project / "environments" / "\udcff.yml").write_text("name: a\nimage: a:1\n")
    except OSError:
        pytest.skip("the file system does not accept this name")
    result = run("validate", "--format", output)

    assert result.code == 1
    assert ("%FF" if output == "sarif" else r"\udcff") in result.out


def test_the_real_path_of_a_project_behind_a_symbolic_link_is_printed(
    project: Path, run: Run
) -> None:
    declare(project, "a", versoin="1")
    (project / "envsync.yaml").touch()
    # An empty directory `.git` is enough, because envsync only searches for the root.
    (project.parent / ".git").mkdir()
    linked = project / "linked"
    linked.symlink_to(project)
    result = run("--config", str(linked / "envsync.yaml"), "validate", "--format", "github")

    assert result.out.startswith("::error file=churn/environments/a-1.yml,")
